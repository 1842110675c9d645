"""What is in a data set, as JSON."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.core.http import RepoReader, database, storage_of
from app.core.paths import rev
from app.datasets.schemas import InventoryOut
from app.datasets.service import InventoryTaker, overview
from worker.contract.recipe import Columns

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])


@router.get("/{owner}/{name}/inventory")
async def read_inventory(
    owner: str,
    name: str,
    request: Request,
    viewer: RepoReader,
    revision: Annotated[str, Query(max_length=200)] = "main",
) -> InventoryOut:
    """Return classes, splits, samples and findings of a data-set revision.

    The first call opens every image once; later calls are answered from what is known.
    """
    taker = InventoryTaker(database(request), storage_of(request), viewer)
    return overview(await taker.take(f"{owner}/{name}", rev(revision), Columns()))
