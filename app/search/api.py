"""The search, for programs."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.core import i18n
from app.core.http import Db, RepoReader
from app.search import service
from app.search.query import MAX_QUERY_CHARS
from app.search.schemas import Asked, Hit, Kind, Order, Results

router = APIRouter(prefix="/api/v1", tags=["search"])


class SearchIn(BaseModel):
    """What is looked for."""

    q: str = Field(default="", max_length=MAX_QUERY_CHARS, description="Words and operators.")
    kind: Kind | None = Field(default=None, description="Only these.")
    sort: Order = Order.RELEVANCE
    page: int = Field(default=1, ge=1, le=service.MOST_PAGES)


Line = Annotated[SearchIn, Query()]


class HitOut(BaseModel):
    """A thing that was found; `snippet` is HTML with the words in `<mark>`."""

    kind: Kind
    url: str
    name: str
    title: str
    snippet: str
    language: str
    author: str
    private: bool
    updated_at: str


class ResultsOut(BaseModel):
    """A page of what was found; `loose` says that only some of the words were found together."""

    hits: list[HitOut]
    total: int
    counts: dict[str, int]
    has_next: bool
    loose: bool
    unknown: list[str]


@router.get("/search")
async def search(db: Db, viewer: RepoReader, asked: Line) -> ResultsOut:
    """Search models, data sets, tutorials and discussions, in Chinese and English.

    Operators: `tag: user: model: dataset: task: license: lang: is: before: after: score:`, each
    with a `-` before it for the contrary; `OR`, `-word` and "an exact phrase".
    """
    line = Asked(asked.q, asked.kind, asked.sort, asked.page, i18n.language())
    found = await service.search(db, viewer, line)
    return _out(found)


def _out(found: Results) -> ResultsOut:
    return ResultsOut(
        hits=[_hit(hit) for hit in found.hits],
        total=found.total,
        counts={kind.value: number for kind, number in found.counts.items()},
        has_next=found.has_next,
        loose=found.is_loose,
        unknown=list(found.unknown),
    )


def _hit(hit: Hit) -> HitOut:
    values: dict[str, Any] = {
        name: getattr(hit, name) for name in ("kind", "name", "language", "author", "private")
    }
    return HitOut(
        **values,
        url=hit.address,
        title=str(hit.title),
        snippet=str(hit.snippet),
        updated_at=hit.updated_at.isoformat(),
    )
