"""What people watch, mute and switch off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.notifications import policy
from app.notifications.queries import choices as queries
from app.notifications.schemas import DEFAULTS, Choice, Kind, Level, Target
from app.notifications.service import sources
from app.notifications.service.sources.asking import TAG
from app.notifications.service.sources.talks import ACCOUNT, REPOSITORY
from app.questions import service as questions
from app.questions.events import TagMerged

MOST_WISHES = 10_000
_LISTED = 500


@dataclass(frozen=True)
class Place:
    """Something that can be watched or muted, and what the viewer said about it."""

    target: Target
    name: str
    address: str
    level: Level | None
    may_mute: bool = True


def parse_target(text: str) -> Target:
    """Return what `discussion:12` names.

    Raises:
        NotFoundError: it names nothing.
    """
    kind, _colon, number = text.partition(":")
    if not (number.isascii() and number.isdigit()) or len(number) > 18:  # noqa: PLR2004  # a bigint
        raise _nothing()
    return Target(kind, int(number))


def _nothing() -> NotFoundError:
    return NotFoundError(_("There is nothing here to watch."))


async def place(db: AsyncSession, viewer: Viewer, target: Target) -> Place:
    """Return a thing that the viewer may watch or mute.

    Raises:
        NotFoundError: there is no such thing, or the viewer may not see it.
    """
    person_id = policy.require_person(viewer)
    found = (await _named(db, person_id, [target])).get(target)
    if found is None:
        raise _nothing()
    name, address = found
    said = await queries.wish(db, person_id, target)
    return Place(target, name, address, said, may_mute=target.kind not in {ACCOUNT, TAG})


async def _named(
    db: AsyncSession, person_id: int, targets: Sequence[Target]
) -> dict[Target, tuple[str, str]]:
    """Return names and addresses of those of the things that the person may see."""
    named: dict[Target, tuple[str, str]] = {}
    ids = [target.id for target in targets if target.kind == REPOSITORY]
    for number, row in (await hub.repositories_by_id(db, ids) if ids else {}).items():
        if await hub_policy.readers_among(db, row, [person_id]):
            name = f"{row.owner_name}/{row.name}"
            named[Target(REPOSITORY, number)] = (name, f"/{row.kind.web_prefix}{name}")
    people = [target.id for target in targets if target.kind == ACCOUNT]
    for number, ref in (await accounts.account_refs(db, people)).items():
        named[Target(ACCOUNT, number)] = (ref.label, f"/{ref.name}")
    tags = [target.id for target in targets if target.kind == TAG]
    for tag in await questions.tags_by_id(db, tags):
        named[Target(TAG, tag.id)] = (tag.name, f"/tags/{tag.name}")
    threads = {(person_id, target) for target in targets if target.kind in sources.SOURCES}
    seen = await sources.visible(db, threads)
    shown = await sources.views(db, {target: {} for _person, target in seen})
    return named | {target: (view.title, view.address) for target, view in shown.items()}


async def say(db: AsyncSession, viewer: Viewer, target: Target, level: Level | None) -> Place:
    """Remember what the viewer says about a thing; None takes it back.

    Raises:
        NotFoundError: there is no such thing, or the viewer may not see it.
        InvalidError: a person or an organisation cannot be muted here.
        ConflictError: the viewer watches as much as anybody may.
    """
    found = await place(db, viewer, target)
    person_id = policy.require_person(viewer)
    if level is Level.MUTE and not found.may_mute:
        raise InvalidError(_("People, organisations and tags can be watched, not muted."))
    if level is not None and await queries.count_wishes(db, person_id) >= MOST_WISHES:
        raise ConflictError(
            _("You watch and mute %(n)d things, which is the most.") % {"n": MOST_WISHES},
            fix=_("Take some of them back first."),
        )
    await queries.set_wish(db, person_id, target, level)
    return Place(target, found.name, found.address, level, found.may_mute)


async def places(db: AsyncSession, viewer: Viewer) -> list[Place]:
    """Return what the viewer watches and mutes, the last first, as far as they may see it."""
    person_id = policy.require_person(viewer)
    rows = await queries.wishes_of(db, person_id, _LISTED)
    targets = [Target(row.target, row.target_id) for row in rows]
    named = await _named(db, person_id, targets)
    return [
        Place(target, *named[target], level=row.level)
        for target, row in zip(targets, rows, strict=True)
        if target in named
    ]


async def follow_merged(db: AsyncSession, event: TagMerged) -> None:
    """Who follows a tag that was merged into another follows that one."""
    await queries.move_wishes(db, TAG, event.tag_id, event.into_id)


async def choices(db: AsyncSession, viewer: Viewer) -> dict[Kind, Choice]:
    """Return what the viewer wants of each kind."""
    rows = await queries.preferences_of(db, policy.require_person(viewer))
    return {**DEFAULTS, **{row.kind: Choice(row.in_app, row.mail) for row in rows}}


async def choose(db: AsyncSession, viewer: Viewer, wanted: Mapping[Kind, Choice]) -> None:
    """Remember what the viewer wants of some kinds."""
    person_id = policy.require_person(viewer)
    for kind, choice in wanted.items():
        await queries.set_preference(db, person_id, kind, choice)
