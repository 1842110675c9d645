"""The search, for programs."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.core import i18n
from app.core.http import Db, RepoReader
from app.search import service
from app.search.schemas import Asked, Hit, Kind, Results

router = APIRouter(prefix="/api/v1", tags=["search"])


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
async def search(db: Db, viewer: RepoReader, asked: Annotated[Asked, Query()]) -> ResultsOut:
    """Search models, data sets, tutorials and discussions, in Chinese and English.

    Operators: `tag: user: model: dataset: task: license: lang: is: before: after: score:`, each
    with a `-` before it for the contrary; `OR`, `-word` and "an exact phrase".
    """
    found = await service.search(db, viewer, asked, i18n.language())
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
    return HitOut(
        kind=hit.kind,
        url=hit.address,
        name=hit.name,
        title=str(hit.title),
        snippet=str(hit.snippet),
        language=hit.language,
        author=hit.author,
        private=hit.private,
        updated_at=hit.updated_at.isoformat(),
    )
