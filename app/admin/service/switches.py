"""Changing settings, switches, modes and announcements: one audit row for each change.

What changes nothing leaves no trace. `actor_id` is None for a command on the machine itself.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.admin.events import RuntimeChanged
from app.admin.schemas import SettingView
from app.admin.service.words import described
from app.core import audit, runtime
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import Detail, InvalidError, NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.core.runtime import Announcement, Audience, Change, Flag, Kind, Mode, Rule, Tone, Way
from app.core.settings import Settings
from app.mail import service as mail

MAX_WORDS = 1000
_MAX_PEOPLE = 500


async def settings_now(db: AsyncSession, base: Settings, effective: Settings) -> list[SettingView]:
    """Return every setting that can be changed here, what it is and what it would be without."""
    kept = await runtime.read(db)
    latest = {one.name: one.changed_at for one in reversed(await runtime.changes(db, limit=200))}
    return [
        SettingView(
            name=one.name,
            family=one.family,
            kind=one.kind.value,
            value=runtime.describe_unset(effective, one),
            default=runtime.describe_unset(base, one),
            is_changed=one.name in kept,
            least=one.least,
            most=one.most,
            description=described(one.name),
            changed_at=latest.get(one.name) if one.name in kept else None,
        )
        for one in runtime.DEFINITIONS.values()
    ]


async def set_setting(
    db: AsyncSession, actor_id: int | None, base: Settings, name: str, text: str
) -> bool:
    """Change a setting in every process; False if it was so already.

    Raises:
        NotFoundError: it cannot be changed here.
        InvalidError: it does not accept this.
    """
    found = runtime.definition(name)
    value = runtime.parse(found, text)
    _check(base, name, value)
    before = await runtime.read_one(db, name)
    after = runtime.stored(base, found, value)
    if before == after:
        return False
    await runtime.write(db, Change(name, before, after), actor_id)
    is_secret = found.kind is Kind.SECRET
    told = {"is_set": bool(value)} if is_secret else {"value": value}
    was = {"is_set": before is not None} if is_secret else {"value": before}
    await audit.record(db, actor_id, "settings.changed", f"setting:{name}", before=was, after=told)
    emit(db, RuntimeChanged())
    return True


def _check(base: Settings, name: str, value: int | str) -> None:
    if name == "smtp_url" and value:
        mail.check_address(base, str(value))


async def reset_setting(db: AsyncSession, actor_id: int | None, name: str) -> bool:
    """Let the environment decide about a setting again; False if it does already.

    Raises:
        NotFoundError: it cannot be changed here.
    """
    found = runtime.definition(name)
    before = await runtime.read_one(db, name)
    if before is None:
        return False
    await runtime.write(db, Change(name, before, None), actor_id)
    was = {"is_set": True} if found.kind is Kind.SECRET else {"value": before}
    await audit.record(
        db, actor_id, "settings.reset", f"setting:{name}", before=was, after={"value": None}
    )
    emit(db, RuntimeChanged())
    return True


async def rules(db: AsyncSession) -> dict[Flag, Rule]:
    """Return for whom each part of the site is on."""
    kept = await runtime.read(db)
    return {flag: Rule.read(kept.get(flag.key)) for flag in Flag}


async def set_flag(db: AsyncSession, actor_id: int | None, flag: Flag, rule: Rule) -> bool:
    """Say for whom a part of the site is on; False if it was so already.

    Raises:
        InvalidError: the percentage is none, or too many people are named.
    """
    if not 0 <= rule.percent <= 100 or len(rule.people) > _MAX_PEOPLE:  # noqa: PLR2004  # percent
        problem = _("A percentage lies between 0 and 100, and at most %(n)d people are named.")
        problem %= {"n": _MAX_PEOPLE}
        raise InvalidError(problem, details=[Detail("percent", problem)])
    kept = await runtime.read_one(db, flag.key)
    before = Rule.read(kept)
    rule = _plain(rule)
    if before == rule:
        return False
    after = None if rule == Rule() else rule.stored()
    await runtime.write(db, Change(flag.key, kept, after), actor_id)
    await audit.record(
        db,
        actor_id,
        "flags.changed",
        f"flag:{flag.value}",
        before=before.stored(),
        after=rule.stored(),
    )
    emit(db, RuntimeChanged())
    return True


def _plain(rule: Rule) -> Rule:
    """Return the rule without what its way does not use."""
    people = tuple(dict.fromkeys(one.strip() for one in rule.people if one.strip()))
    return Rule(
        rule.way,
        rule.percent if rule.way is Way.PERCENT else 100,
        people if rule.way is Way.PEOPLE else (),
    )


async def modes(db: AsyncSession) -> dict[Mode, datetime]:
    """Return the modes the site is in, and since when."""
    kept = await runtime.read(db)
    return {
        mode: datetime.fromisoformat(kept[mode.key]["since"]) for mode in Mode if mode.key in kept
    }


async def set_mode(db: AsyncSession, actor_id: int | None, mode: Mode, *, on: bool) -> bool:
    """Put the whole site into a mode, or out of it; False if it was so already."""
    kept = await runtime.read_one(db, mode.key)
    if (kept is not None) == on:
        return False
    after: dict[str, Any] | None = {"since": now().isoformat()} if on else None
    await runtime.write(db, Change(mode.key, kept, after), actor_id)
    await audit.record(
        db,
        actor_id,
        "modes.changed",
        f"mode:{mode.value}",
        before={"on": not on},
        after={"on": on},
    )
    emit(db, RuntimeChanged())
    return True


async def announce(db: AsyncSession, actor_id: int | None, new: Announcement) -> Announcement:
    """Put words on every page of those it is for.

    Raises:
        InvalidError: there are no words, or too many, or the end comes before the beginning.
    """
    problem, where = "", "text_en"
    if not (new.text_en or new.text_zh):
        problem = _("Write the announcement in at least one language.")
    elif max(len(new.text_en), len(new.text_zh)) > MAX_WORDS:
        problem = _("An announcement may have at most %(n)d characters.") % {"n": MAX_WORDS}
    elif new.ends_at is not None and new.ends_at <= max(new.starts_at, now()):
        problem, where = _("The end must come after the beginning, and in the future."), "ends_at"
    if problem:
        raise InvalidError(problem, details=[Detail(where, problem)])
    new.created_by_id = actor_id
    await runtime.keep_announcement(db, new)
    await audit.record(
        db, actor_id, "announcements.made", f"announcement:{new.id}", after=_told(new)
    )
    emit(db, RuntimeChanged())
    return new


async def withdraw(db: AsyncSession, actor_id: int | None, number: int) -> None:
    """Take an announcement away.

    Raises:
        NotFoundError: there is none.
    """
    found = await runtime.forget_announcement(db, number)
    if found is None:
        raise NotFoundError(_("There is no such announcement."))
    await audit.record(
        db, actor_id, "announcements.withdrawn", f"announcement:{number}", before=_told(found)
    )
    emit(db, RuntimeChanged())


async def announcements(db: AsyncSession) -> Sequence[Announcement]:
    """Return what was announced, the newest first."""
    return await runtime.announcements(db)


def _told(one: Announcement) -> dict[str, Any]:
    return {
        "tone": one.tone.value,
        "audience": one.audience.value,
        "text_en": one.text_en,
        "text_zh": one.text_zh,
        "starts_at": one.starts_at.isoformat(),
        "ends_at": one.ends_at.isoformat() if one.ends_at else None,
    }


def new_announcement(  # noqa: PLR0913  # what an announcement is made of
    text_en: str,
    text_zh: str,
    *,
    tone: Tone = Tone.INFO,
    audience: Audience = Audience.EVERYBODY,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    is_dismissible: bool = True,
) -> Announcement:
    """Return an announcement that is not kept yet; without `starts_at` it begins now."""
    return Announcement(
        tone=tone,
        audience=audience,
        text_en=" ".join(text_en.replace("\0", "").split()),
        text_zh=" ".join(text_zh.replace("\0", "").split()),
        starts_at=starts_at or now(),
        ends_at=ends_at,
        is_dismissible=is_dismissible,
        created_by_id=None,
    )
