"""A search: understood, asked of the index, and shown with the words marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.service import Repository
from app.search.operators import lexeme_of
from app.search.queries import filters, finding, showing
from app.search.queries.finding import Found, Wanted
from app.search.query import Query, parse
from app.search.schemas import MOST_PAGES, Asked, Facet, Hit, Kind, Results
from app.search.service.meaning import meant
from app.search.service.snippets import marked, snippet
from app.search.service.sources import SOURCES
from app.search.tables import Document
from app.search.words import label, normalised, quoted, runs

PAGE = 20
# With fewer, what holds only some of the words is shown as well.
_FEW = 3
_LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
# Families of facts that narrow a search further; kinds have tabs of their own.
_NARROWING = ("lang", "task", "library", "tag", "has")


@dataclass(frozen=True)
class _Answer:
    found: Found
    wanted: Wanted
    is_loose: bool = False


async def search(db: AsyncSession, viewer: Viewer, asked: Asked, language: str) -> Results:
    """Return a page of what a line finds; anything may be typed.

    Only what the viewer may see is found, and counted; texts in the reader's `language` come first.
    """
    query = parse(asked.q)
    wanted, unknown = _wanted(viewer, asked, query, language)
    if not (wanted.candidates or wanted.where):
        return Results(hits=(), total=0, counts={}, unknown=unknown)
    answer = await _answer(db, viewer, asked, query, wanted)
    found = answer.found
    counts = await _counts(db, viewer, asked, answer)
    return Results(
        hits=await _hits(db, viewer, asked, query, answer),
        total=found.total,
        is_more=found.is_more,
        counts={Kind(name): number for name, number in counts.items()},
        facets=_facets(found, query),
        has_next=len(found.ids) > PAGE and asked.page < MOST_PAGES,
        is_loose=answer.is_loose,
        unknown=unknown,
        translations=query.translations,
        may_translate=_may_translate(query),
        meant=await _meant(db, viewer, asked, answer, language),
    )


def _may_translate(query: Query) -> bool:
    """Whether the same question in any language would look for more."""
    return not query.in_any_language and bool(replace(query, in_any_language=True).translations)


def _wanted(viewer: Viewer, asked: Asked, query: Query, language: str) -> tuple[Wanted, list[str]]:
    """Return what a question asks of the index, and the operators that mean nothing."""
    labels, where, unknown = [], [], list(query.unknown)
    for item in query.filters:
        lexeme = lexeme_of(item)
        condition = filters.filtered(item.name, item.value, excludes=item.excludes)
        if lexeme:
            labels.append(lexeme)
        elif condition is not None:
            where.append(condition)
        else:
            unknown.append(f"{item.name}:{item.value}")
    if asked.kind is not None and (query.strict or query.excluded or labels or where):
        labels.append(_kind(asked.kind))
    wanted = Wanted(
        words=_widened(query.strict, query.wide),
        direct=query.strict if query.wide else "",
        is_visible=visible_to(viewer),
        excluded=query.excluded,
        labels=labels,
        where=where,
        language=language[:2],
        order=asked.sort,
    )
    return wanted, unknown


def _widened(words: str, wide: str) -> str:
    return f"({words}) | ({wide})" if words and wide else words


def _kind(kind: Kind) -> str:
    return quoted(label("kind", kind.value))


def visible_to(viewer: Viewer) -> finding.IsVisible:
    """Return who decides whether something may be shown: what it comes from."""

    def is_visible(kind: Any, subject_id: Any) -> ColumnElement[bool]:
        return or_(
            *(
                and_(kind.in_(source.kinds), source.is_visible(viewer, subject_id))
                for source in SOURCES
            )
        )

    return is_visible


async def _answer(
    db: AsyncSession, viewer: Viewer, asked: Asked, query: Query, wanted: Wanted
) -> _Answer:
    """Return what holds all words; where hardly anything does, what holds some of them."""
    offset = PAGE * (asked.page - 1)
    found = await finding.find(db, viewer, wanted, offset, PAGE + 1)
    if found.total >= _FEW:
        return _Answer(found, wanted)
    for words in (query.loose, *([query.loosest] if not found.total else [])):
        if words:
            direct = words if query.wide else ""
            loose = replace(wanted, words=_widened(words, query.wide), direct=direct)
            more = await finding.find(db, viewer, loose, offset, PAGE + 1)
            if more.total > found.total:
                return _Answer(more, loose, is_loose=True)
    return _Answer(found, wanted)


async def _counts(
    db: AsyncSession, viewer: Viewer, asked: Asked, answer: _Answer
) -> Mapping[str, int]:
    """Return how many there are of each kind, also of those that are not asked for."""
    found = answer.found
    if asked.kind is not None:
        others = [one for one in answer.wanted.labels if one != _kind(asked.kind)]
        found = await finding.find(db, viewer, replace(answer.wanted, labels=others), 0, 0)
    return found.facets.get("kind", {})


async def _meant(
    db: AsyncSession, viewer: Viewer, asked: Asked, answer: _Answer, language: str
) -> str:
    """Return a better question, if there is one that finds more of what this viewer may see."""
    if answer.found.total >= _FEW and not answer.is_loose:
        return ""
    better = await meant(db, asked.q, parse(asked.q))
    if not better:
        return ""
    wanted, _unknown = _wanted(viewer, asked, parse(better), language)
    found = await finding.find(db, viewer, wanted, 0, 0)
    return better if found.total > (0 if answer.is_loose else answer.found.total) else ""


def _facets(found: Found, query: Query) -> list[Facet]:
    """Return the ways to narrow a search that leave something out and something in."""
    asked = {(item.name, item.value) for item in query.filters}
    return [
        Facet(family, value, number)
        for family in _NARROWING
        for value, number in found.facets.get(family, {}).items()
        if number < found.total and (family, value) not in asked
    ]


async def _hits(
    db: AsyncSession, viewer: Viewer, asked: Asked, query: Query, answer: _Answer
) -> list[Hit]:
    ids: Sequence[int] = answer.found.ids[:PAGE]
    rows = await showing.documents(db, ids) if ids else ()
    parts: Mapping[int, Mapping[str, float]] = {}
    if asked.explain and viewer.is_admin and ids:
        wanted = answer.wanted
        parts = await showing.parts_of_ranks(db, ids, wanted.words, wanted.direct, wanted.language)
    return [
        _hit(document, repository, query, parts.get(document.id, {}))
        for document, repository in rows
    ]


def _hit(
    document: Document,
    repository: Repository | None,
    query: Query,
    ranked_by: Mapping[str, float],
) -> Hit:
    name, address = document.title, document.place
    others = [normalised(one) for other in query.translations.values() for one in other]
    words = [*query.words, *(run.text for one in others for run in runs(one))]
    if repository is not None:
        full_name = f"{repository.owner_name}/{repository.name}"
        address = f"/{repository.kind.web_prefix}{full_name}{document.place}"
        name = full_name
    return Hit(
        kind=Kind(document.kind),
        address=address,
        name=name,
        title=marked(document.title or name, words),
        snippet=snippet(document.body, words),
        language=document.language,
        language_name=_LANGUAGE_NAMES.get(document.language[:2], ""),
        author=document.author,
        private=repository.private if repository is not None else document.private,
        updated_at=document.updated_at,
        labels=document.labels,
        score=document.score,
        ranked_by=ranked_by,
    )
