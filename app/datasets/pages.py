"""The viewer of a data set: what is in it, how it is read, what the doctor says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import yaml
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.core.errors import AppError
from app.core.http import RepoReader, database, site_address, storage_of
from app.core.i18n import _
from app.core.security import Viewer
from app.core.templating import render
from app.datasets.schemas import ColumnsQuery, InventoryOut, PreviewOut
from app.datasets.service import InventoryTaker
from app.hub import policy as hub_policy
from app.hub.schemas import RepositoryKind
from app.hub.service.frames import Frame, open_frame
from worker.contract.recipe import Columns

router = APIRouter(include_in_schema=False)
_CLASSES = 60
_HUES = 8


@dataclass(frozen=True)
class Bar:
    """One split's part of a class, as a share in percent of the largest class."""

    split: str
    start: float
    width: float


@dataclass(frozen=True)
class ClassRow:
    """A class, how many examples it has, and its bar."""

    label: str
    total: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class LengthRow:
    """How many examples are at least this long, as a number and in percent of the most."""

    start: str
    count: int
    width: float


@router.get("/datasets/{owner}/{name}/viewer")
async def viewer_page(request: Request, viewer: RepoReader, owner: str, name: str) -> HTMLResponse:
    """Show a data set at a glance; the first call opens every file once."""
    frame = await _frame(request, viewer, owner, name)
    taker = InventoryTaker(database(request), storage_of(request), viewer)
    found: InventoryOut | None = None
    problem: AppError | None = None
    try:
        found = await taker.look(frame.full_name, None, Columns())
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
        splits=sorted(found.splits, key=_split_order) if found else [],
        lengths=length_rows(found) if found else [],
        hues=hues(found) if found else {},
        num_hidden=max(0, len(found.classes) - _CLASSES) if found else 0,
    )


@router.get("/datasets/{owner}/{name}/viewer/columns")
async def columns_page(
    request: Request,
    viewer: RepoReader,
    owner: str,
    name: str,
    query: Annotated[ColumnsQuery, Query()],
) -> HTMLResponse:
    """Show the first rows as a recipe that names these columns would read them."""
    frame = await _frame(request, viewer, owner, name)
    taker = InventoryTaker(database(request), storage_of(request), viewer)
    shown: PreviewOut | None = None
    problem: AppError | None = None
    try:
        shown = await taker.preview(frame.full_name, None, query.columns())
    except AppError as error:
        problem = error
    return render(
        request,
        "datasets/columns.html",
        viewer=viewer,
        at=frame,
        shown=shown,
        problem=problem,
        chosen=query.chosen(),
        recipe=yaml.safe_dump(
            {"data": {"columns": query.chosen()}}, allow_unicode=True, sort_keys=False
        ),
        fields=field_names(),
    )


async def _frame(request: Request, viewer: Viewer, owner: str, name: str) -> Frame:
    async with database(request).transaction() as db:
        repository = await hub_policy.access_repository(
            db, viewer, RepositoryKind.DATASET, owner, name
        )
        return await open_frame(db, viewer, repository, site_address(request))


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


def length_rows(found: InventoryOut) -> list[LengthRow]:
    """Return how long the examples are, as bars."""
    most = max((item.count for item in found.lengths), default=1) or 1
    return [
        LengthRow(f"{item.start:g}", item.count, round(100 * item.count / most, 3))
        for item in found.lengths
    ]


def hues(found: InventoryOut) -> Mapping[str, int]:
    """Return the number of the colour of each class, from 0."""
    return {item.label: number % _HUES for number, item in enumerate(found.classes)}


def field_names() -> dict[str, str]:
    """Return the values that a column can hold and what they are called."""
    return {
        "text": _("Text"),
        "text_pair": _("Second text"),
        "label": _("Class"),
        "target": _("Number to predict"),
        "image": _("Path of the picture"),
        "audio": _("Path of the recording"),
        "split": _("Split"),
        "group": _("Group that stays together"),
        "question": _("Question"),
        "context": _("Text with the answer"),
        "answers": _("Answers"),
        "messages": _("Conversation"),
        "user": _("User"),
        "item": _("Item"),
        "rating": _("Rating"),
        "timestamp": _("Date and time"),
    }


def _split_order(split: str) -> int:
    order = ("", "train", "validation", "test")
    return order.index(split) if split in order else len(order)
