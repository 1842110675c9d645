"""A search: understood, asked of the index, and shown with the words marked."""

from dataclasses import replace

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.service import Repository
from app.search import queries
from app.search.query import Query, parse
from app.search.schemas import MOST_PAGES, Asked, Hit, Kind, Results
from app.search.service.snippets import marked, snippet
from app.search.tables import Document

PAGE = 20
# With fewer, what holds only some of the words is shown as well.
_FEW = 3


async def search(db: AsyncSession, viewer: Viewer, asked: Asked, language: str) -> Results:
    """Return a page of what a line finds; anything may be typed.

    Only what the viewer may see is found, and counted; texts in the reader's `language` come first.
    """
    query = parse(asked.q)
    where, unknown = _conditions(query)
    if not query.strict and not where:
        return Results(hits=(), total=0, counts={}, unknown=unknown)
    wanted = queries.Wanted(query.strict, where, language[:2], asked.sort)
    counts = await queries.counts(db, viewer, wanted)
    is_loose = sum(counts.values()) < _FEW and len(query.terms) > 1
    if is_loose:
        wanted = replace(wanted, words=query.loose)
        counts = await queries.counts(db, viewer, wanted)
    if asked.kind is not None:
        wanted = replace(wanted, where=[*where, queries.is_kind(asked.kind)])
    offset = PAGE * (asked.page - 1)
    rows = await queries.best(db, viewer, wanted, offset, PAGE + 1)
    named = {Kind(name): number for name, number in counts.items()}
    return Results(
        hits=[_hit(document, repository, query) for document, repository in rows[:PAGE]],
        total=named.get(asked.kind, 0) if asked.kind is not None else sum(named.values()),
        counts=named,
        has_next=len(rows) > PAGE and asked.page < MOST_PAGES,
        is_loose=is_loose and bool(rows),
        unknown=unknown,
    )


def _conditions(query: Query) -> tuple[list[queries.Condition], list[str]]:
    """Return the conditions of the operators, and those that were not understood."""
    found, unknown = [], list(query.unknown)
    for item in query.filters:
        condition = queries.filtered(item.name, item.value, excludes=item.excludes)
        if condition is None:
            unknown.append(f"{item.name}:{item.value}")
        else:
            found.append(condition)
    return found, unknown


def _hit(document: Document, repository: Repository | None, query: Query) -> Hit:
    name, address = document.title, document.place
    if repository is not None:
        full_name = f"{repository.owner_name}/{repository.name}"
        address = f"/{repository.kind.web_prefix}{full_name}{document.place}"
        name = full_name
    return Hit(
        kind=Kind(document.kind),
        address=address,
        name=name,
        title=marked(document.title or name, query.words),
        snippet=snippet(document.body, query.words),
        language=document.language,
        author=document.author,
        private=repository.private if repository is not None else document.private,
        updated_at=document.updated_at,
    )
