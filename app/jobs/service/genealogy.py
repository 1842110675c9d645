"""Jobs that were begun from jobs, for features that decide themselves who may know of them."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.core.db import AsyncSession
from app.jobs.queries import genealogy
from app.jobs.queries import jobs as job_queries
from app.jobs.states import JobState


@dataclass(frozen=True)
class Descendant:
    """A job and the one it was begun from; `value` is its headline measure where it succeeded.

    `shared`: its owner lets everybody see what it came to and what was changed, not whose it is.
    """

    job_id: int
    parent_id: int | None
    owner_id: int
    state: JobState
    shared: bool
    repository_id: int | None
    metric: str = ""
    value: float | None = None


async def descendants(db: AsyncSession, roots: Collection[int], limit: int) -> list[Descendant]:
    """Return jobs and what was begun from them, parents first; at most `limit`, each once."""
    rows = await genealogy.descendants(db, roots, limit) if roots else ()
    found: dict[int, Descendant] = {}
    for number, parent_id, owner_id, state, shared, repository_id, metric, value in rows:
        measured = _number(value) if state is JobState.SUCCEEDED else None
        told = (metric or "", measured) if measured is not None else ("", None)
        one = Descendant(number, parent_id, owner_id, state, shared, repository_id, *told)
        found.setdefault(number, one)
    return list(found.values())


def _number(text: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        return float(text or "")
    return None


async def recipes_of(db: AsyncSession, ids: Collection[int]) -> Mapping[int, dict[str, Any]]:
    """Return the recipes of some jobs; the caller answers for who may see them."""
    return await genealogy.recipes_of(db, ids) if ids else {}


async def names_read(db: AsyncSession, ids: Collection[int]) -> list[tuple[str, int | None]]:
    """Return the names and ids of what some jobs read; the caller answers for who may know."""
    found = await job_queries.inputs_of(db, ids) if ids else ()
    return [(one.name, one.repository_id) for one in found]


def flat(recipe: Any, path: str = "") -> dict[str, str]:
    """Return a recipe as paths with dots to values, those of lists by their place."""
    if isinstance(recipe, dict):
        items = [(str(key), value) for key, value in recipe.items()]
    elif isinstance(recipe, list):
        items = [(str(place), value) for place, value in enumerate(recipe)]
    else:
        return {} if recipe is None else {path: str(recipe)}
    found: dict[str, str] = {}
    for key, value in items:
        found |= flat(value, f"{path}.{key}" if path else key)
    return found
