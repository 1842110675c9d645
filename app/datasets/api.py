"""What is in a data set, as JSON."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.core.http import RepoReader, database, storage_of
from app.core.paths import rev
from app.datasets.schemas import ColumnsQuery, InventoryOut, PreviewOut
from app.datasets.service import InventoryTaker
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

    The first call opens every file once; later calls are answered from what is known.
    """
    taker = InventoryTaker(database(request), storage_of(request), viewer)
    return await taker.look(f"{owner}/{name}", rev(revision), Columns())


@router.get("/{owner}/{name}/preview")
async def read_preview(
    owner: str,
    name: str,
    request: Request,
    viewer: RepoReader,
    columns: Annotated[ColumnsQuery, Query()],
) -> PreviewOut:
    """Return the first rows as a recipe with these columns would read them."""
    taker = InventoryTaker(database(request), storage_of(request), viewer)
    return await taker.preview(f"{owner}/{name}", rev(columns.revision), columns.columns())
