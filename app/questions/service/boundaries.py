"""What a patch may make a run of the asker's read: what was offered, and what everybody may read.

Otherwise an answerer could have the asker's account read any private repository of the asker's, and
learn of it from the numbers.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.i18n import _
from app.core.security import ANONYMOUS
from app.hub import policy as hub_policy
from app.hub.schemas import RepositoryKind
from worker.contract.recipe import Recipe

Source = tuple[RepositoryKind, str, str]


def sources_of(recipe: Recipe) -> set[Source]:
    """Return every repository that a recipe names: its kind, its name and the revision named."""
    return {
        (RepositoryKind.DATASET if block == "data" else RepositoryKind.MODEL, name, revision)
        for block, value in recipe.model_dump(mode="json").items()
        for name, revision in _named(value)
    }


def _named(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key in ("repo", "teacher"):
            if isinstance(value.get(key), str):
                yield value[key].lower(), str(value.get("revision") or "")
        for one in value.values():
            yield from _named(one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one)


async def require_within(
    db: AsyncSession, offered: AbstractSet[Source], wanted: AbstractSet[Source]
) -> None:
    """Pass only if what is wanted beyond what was offered may be read by everybody.

    Raises:
        NotFoundError: something else; missing and private answer alike.
    """
    for kind, name, _revision in sorted(wanted - offered):
        if not await _is_for_everybody(db, kind, name):
            raise NotFoundError(
                _("%(name)s is not there for everybody, so it cannot be used here.")
                % {"name": name},
                fix=_("Change only what the recipe does, or name what everybody may read."),
                code="outside_sandbox",
            )


async def _is_for_everybody(db: AsyncSession, kind: RepositoryKind, name: str) -> bool:
    owner, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        return False
    try:
        await hub_policy.access_for_files(db, ANONYMOUS, kind, owner, rest)
    except AppError:
        return False
    return True
