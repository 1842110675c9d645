"""Which hubs the operator allows to import from."""

import re
from dataclasses import dataclass

from app.core.errors import InvalidError
from app.core.i18n import _
from app.core.settings import Settings

_ENTRY = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,59})=(https?://[^\s,/?#@]+(?:/[^\s,?#]*)?)")


@dataclass(frozen=True)
class Upstream:
    """Another hub: its short name and its address, without a slash at the end."""

    name: str
    url: str


def upstreams(settings: Settings) -> list[Upstream]:
    """Return the hubs that `TUNINGFORK_UPSTREAMS` names, in its order.

    Raises:
        InvalidError: the setting is not a list of `name=https://host`.
    """
    found = []
    for entry in filter(None, (part.strip() for part in settings.upstreams.split(","))):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise InvalidError(
                _("TUNINGFORK_UPSTREAMS is not a list of name=https://host."),
                fix=_("Ask the administrator to mend the setting."),
                code="bad_setting",
            )
        found.append(Upstream(match[1], match[2].rstrip("/")))
    return found


def find_upstream(settings: Settings, name: str) -> Upstream:
    """Return the hub called `name`, or the first one if `name` is empty.

    Raises:
        InvalidError: importing is not turned on, or no hub is called so.
    """
    allowed = upstreams(settings)
    if not allowed:
        raise InvalidError(
            _("Importing is not turned on here."),
            fix=_(
                "The administrator turns it on with TUNINGFORK_UPSTREAMS, "
                "for example main=https://hub.example.org."
            ),
            code="imports_off",
        )
    for upstream in allowed:
        if name in {"", upstream.name}:
            return upstream
    names = ", ".join(upstream.name for upstream in allowed)
    raise InvalidError(
        _("The site may not import from there."),
        fix=_("Choose one of these: %(names)s.") % {"names": names},
        code="unknown_upstream",
    )
