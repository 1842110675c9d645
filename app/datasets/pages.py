"""The viewer of a data set: some of its pictures, how many of each class, what the doctor says."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.core.errors import AppError
from app.core.http import RepoReader, database, site_address, storage_of
from app.core.templating import render
from app.datasets.schemas import InventoryOut
from app.datasets.service import InventoryTaker, overview
from app.hub import policy as hub_policy
from app.hub.schemas import RepositoryKind
from app.hub.service.frames import open_frame
from worker.contract.recipe import Columns

router = APIRouter(include_in_schema=False)
_CLASSES = 60


@dataclass(frozen=True)
class Bar:
    """One split's part of a class, as a share in percent of the largest class."""

    split: str
    start: float
    width: float


@dataclass(frozen=True)
class ClassRow:
    """A class, how many pictures it has, and its bar."""

    label: str
    total: int
    bars: tuple[Bar, ...]


@router.get("/datasets/{owner}/{name}/viewer")
async def viewer_page(request: Request, viewer: RepoReader, owner: str, name: str) -> HTMLResponse:
    """Show a data set at a glance; the first call opens every picture once."""
    async with database(request).transaction() as db:
        repository = await hub_policy.access_repository(
            db, viewer, RepositoryKind.DATASET, owner, name
        )
        frame = await open_frame(db, viewer, repository, site_address(request))
    taker = InventoryTaker(database(request), storage_of(request), viewer)
    found: InventoryOut | None = None
    problem: AppError | None = None
    try:
        found = overview(await taker.take(frame.full_name, None, Columns()))
    except AppError as error:
        problem = error
    return render(
        request,
        "datasets/viewer.html",
        viewer=viewer,
        at=frame,
        found=found,
        problem=problem,
        rows=class_rows(found) if found else [],
        num_hidden=max(0, len(found.classes) - _CLASSES) if found else 0,
    )


def class_rows(found: InventoryOut) -> list[ClassRow]:
    """Return the classes as bars, the splits of each one after the other."""
    largest = max((item.total for item in found.classes), default=1) or 1
    rows = []
    for item in found.classes[:_CLASSES]:
        bars, start = [], 0.0
        for split in sorted(item.counts, key=_split_order):
            width = 100 * item.counts[split] / largest
            bars.append(Bar(split or "train", round(start, 3), round(width, 3)))
            start += width
        rows.append(ClassRow(item.label, item.total, tuple(bars)))
    return rows


def _split_order(split: str) -> int:
    order = ("", "train", "validation", "test")
    return order.index(split) if split in order else len(order)
