"""The search, for programs."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.core import i18n
from app.core.http import Db, RepoReader
from app.search import service
from app.search.schemas import Asked, Hit, Kind, Results, Suggested

router = APIRouter(prefix="/api/v1", tags=["search"])
_ALL_KINDS = ",".join(Suggested)


class FacetOut(BaseModel):
    """A way to narrow a search: add `operator:value` to the question, and `number` are left."""

    operator: str
    value: str
    number: int


class HitOut(BaseModel):
    """A thing that was found; `snippet` is HTML with the words in `<mark>`."""

    kind: Kind
    url: str
    name: str
    title: str
    snippet: str
    language: str
    language_name: str
    author: str
    private: bool
    updated_at: str
    score: int
    labels: list[str]
    ranked_by: dict[str, float]


class ResultsOut(BaseModel):
    """A page of what was found.

    `loose` says that only some of the words were found together, `more` that there is more than
    was counted, `meant` is the question without its typing errors.
    """

    hits: list[HitOut]
    total: int
    more: bool
    counts: dict[str, int]
    facets: list[FacetOut]
    has_next: bool
    loose: bool
    unknown: list[str]
    translations: dict[str, list[str]]
    meant: str


class SuggestionOut(BaseModel):
    """A name that begins with what was typed, as a text refers to it, and where it leads."""

    kind: Suggested
    name: str
    label: str
    address: str


class SuggestionsOut(BaseModel):
    """At most eight names."""

    items: list[SuggestionOut]


@router.get("/suggest")
async def suggest(
    db: Db,
    viewer: RepoReader,
    starts: Annotated[str, Query(description="What was typed so far.")] = "",
    kinds: Annotated[str, Query(description="Only these, with commas between them.")] = _ALL_KINDS,
) -> SuggestionsOut:
    """Offer names that begin so, while somebody types; never an error, whatever is typed."""
    wanted = {kind.strip() for kind in kinds.split(",")}
    found = await service.suggest(db, viewer, starts, wanted)
    return SuggestionsOut(items=[SuggestionOut(**asdict(one)) for one in found])


@router.get("/search")
async def search(db: Db, viewer: RepoReader, asked: Annotated[Asked, Query()]) -> ResultsOut:
    """Search models, data sets, tutorials, discussions, jobs and people, in Chinese and English.

    Operators: `tag: task: library: license: user: lang: is: has: model: dataset: job: score:
    before: after: error:`, each with a `-` before it for the contrary; `OR`, `-word` and "an
    exact phrase". `lang:any` looks for terms of the field in the other language too; `translations`
    says for which, and what is found so stands below the rest.
    """
    found = await service.search(db, viewer, asked, i18n.language())
    return _out(found)


def _out(found: Results) -> ResultsOut:
    return ResultsOut(
        hits=[_hit(hit) for hit in found.hits],
        total=found.total,
        more=found.is_more,
        counts={kind.value: number for kind, number in found.counts.items()},
        facets=[FacetOut(**asdict(facet)) for facet in found.facets],
        has_next=found.has_next,
        loose=found.is_loose,
        unknown=list(found.unknown),
        translations={typed: list(others) for typed, others in found.translations.items()},
        meant=found.meant,
    )


def _hit(hit: Hit) -> HitOut:
    return HitOut(
        kind=hit.kind,
        url=hit.address,
        name=hit.name,
        title=str(hit.title),
        snippet=str(hit.snippet),
        language=hit.language,
        language_name=hit.language_name,
        author=hit.author,
        private=hit.private,
        updated_at=hit.updated_at.isoformat(),
        score=hit.score,
        labels=list(hit.labels),
        ranked_by=dict(hit.ranked_by),
    )
