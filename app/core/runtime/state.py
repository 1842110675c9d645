"""The copy of the switches that each process keeps in memory."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import structlog

from app.core import i18n
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.errors import ForbiddenError, UnavailableError
from app.core.i18n import _
from app.core.runtime import store
from app.core.runtime.registry import DEFINITIONS, opened
from app.core.runtime.tables import Announcement
from app.core.runtime.words import Audience, Flag, Mode, Rule, Way
from app.core.security import Viewer
from app.core.settings import Settings

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 120
Hearer = Callable[[Settings], None]


class Runtime:
    """What is changed in this site now. `settings` are the environment's with those changes."""

    def __init__(self, settings: Settings) -> None:
        self.base = settings
        self.settings = settings
        self.rules: dict[Flag, Rule] = {}
        self.modes: dict[Mode, datetime] = {}
        self.announcements: Sequence[Announcement] = ()
        self._hearers: list[Hearer] = []

    def hear(self, hearer: Hearer) -> None:
        """Call `hearer` with the settings whenever they have changed."""
        self._hearers.append(hearer)

    async def reload(self, database: Database) -> None:
        """Read everything again."""
        async with database.transaction() as db:
            values = await store.read(db)
            self.announcements = await store.announcements(db, only_living=True)
        self.apply(values)

    def apply(self, values: Mapping[str, Any]) -> None:
        """Take over what is kept; what is not named is at its default."""
        self.rules = {flag: Rule.read(values.get(flag.key)) for flag in Flag}
        self.modes = {
            mode: datetime.fromisoformat(values[mode.key]["since"])
            for mode in Mode
            if mode.key in values
        }
        changed: dict[str, object] = {}
        for found in DEFINITIONS.values():
            if found.name in values:
                value = opened(self.base, found, values[found.name])
                if value is None:
                    log.warning("runtime_setting_unreadable", name=found.name)
                else:
                    changed[found.name] = value
        settings = self.base.model_copy(update=changed)
        if settings != self.settings:
            self.settings = settings
            for hearer in self._hearers:
                hearer(settings)

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written now."""
        return self.is_on(Mode.READ_ONLY)

    def is_on(self, mode: Mode) -> bool:
        """Whether the whole site is in this mode."""
        return mode in self.modes

    def allows(self, flag: Flag, name: str = "") -> bool:
        """Whether a part of the site is on for somebody."""
        if flag is Flag.SIGN_UP and not self.base.signup_open:
            return False
        return self.rules.get(flag, Rule()).allows(name)

    def may_open(self, flag: Flag) -> bool:
        """Whether a part of the site is on for anybody at all."""
        if flag is Flag.SIGN_UP and not self.base.signup_open:
            return False
        return self.rules.get(flag, Rule()).way is not Way.OFF

    def is_open_to_all(self, flag: Flag) -> bool:
        """Whether a part of the site is on without a question about who asks."""
        return self.rules.get(flag, Rule()).way is Way.ON

    def require(self, flag: Flag, name: str = "") -> None:
        """Pass only if a part of the site is on for somebody.

        Raises:
            ForbiddenError: it is not, or not for them.
        """
        if self.allows(flag, name):
            return
        fix = _("Try again later; the administrators of this site can switch it on again.")
        if self.rules.get(flag, Rule()).way in {Way.PERCENT, Way.PEOPLE}:
            fix = _("It is open to some people first; try again later.")
        if flag is Flag.SIGN_UP:
            fix = _("Ask its administrator for an account.")
        raise ForbiddenError(_closed(flag), fix=fix, code=f"{flag.value}_off")

    def shown(self, viewer: Viewer, dismissed: str) -> list[Announcement]:
        """Return the announcements for a viewer; `dismissed` are the numbers of their cookie."""
        gone, moment = set(dismissed.split(".")), now()
        return [
            one
            for one in self.announcements
            if one.starts_at <= moment
            and (one.ends_at is None or one.ends_at > moment)
            and not (one.is_dismissible and str(one.id) in gone)
            and _is_for(one.audience, viewer)
        ]

    def words(self, one: Announcement) -> str:
        """Return an announcement in the reader's language, or in the only one it has."""
        first, second = one.text_en, one.text_zh
        if i18n.language() != i18n.DEFAULT_LANGUAGE:
            first, second = second, first
        return first or second


def _is_for(audience: Audience, viewer: Viewer) -> bool:
    if audience is Audience.STAFF:
        return viewer.is_admin or viewer.is_moderator
    return audience is Audience.EVERYBODY or viewer.is_signed_in


def _closed(flag: Flag) -> str:
    return {
        Flag.SIGN_UP: _("This site does not take sign-ups."),
        Flag.POSTING: _("Writing posts and comments is switched off now."),
        Flag.UPLOADS: _("Uploading files is switched off now."),
        Flag.JOBS: _("Submitting jobs is switched off now."),
    }[flag]


def read_only_error() -> UnavailableError:
    """Return what a write is told while the site may only be read."""
    return UnavailableError(
        _("The site may only be read now; nothing was changed."),
        fix=_("Everything can be read and downloaded. Try again in a few minutes."),
        code="read_only",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def maintenance_error() -> UnavailableError:
    """Return what everybody is told while the site is being worked on."""
    return UnavailableError(
        _("The site is being worked on."),
        fix=_("Nothing is lost. Come back in a few minutes."),
        code="maintenance",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def switches_of(db: AsyncSession) -> Runtime:
    """Return the switches that this transaction keeps to; a command's is bound by none."""
    found = db.info.get("runtime")
    return cast("Runtime", found) if found is not None else _EVERYTHING_ON


_EVERYTHING_ON = Runtime(Settings.model_construct(signup_open=True))
