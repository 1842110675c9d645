"""Which settings can be changed while the site runs, and what each of them accepts.

They carry the names of `Settings`: what the environment says is the default, and what is kept in
the database stands instead of it.
"""

import base64
from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr

from app.core.errors import Detail, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.sealing import seal, unseal
from app.core.settings import Settings

_PURPOSE = "runtime setting"
_MOST_TEXT = 4000
_LARGEST = 10**15


class Kind(StrEnum):
    """What a setting is."""

    NUMBER = "number"
    TEXT = "text"
    SECRET = "secret"  # noqa: S105  # a word of the registry


@dataclass(frozen=True)
class Definition:
    """A setting: its name in `Settings`, its family, and between what a number must lie."""

    name: str
    family: str
    kind: Kind = Kind.NUMBER
    least: int = 0
    most: int = _LARGEST


def _numbers(family: str, most: int, *names: str) -> list[Definition]:
    return [Definition(name, family, most=most) for name in names]


DEFINITIONS = {
    one.name: one
    for one in [
        *_numbers(
            "newcomers",
            100_000,
            "newcomer_topics",
            "newcomer_replies",
            "newcomer_topic_every_s",
            "newcomer_reply_every_s",
            "newcomer_links",
            "newcomer_images",
            "newcomer_mentions",
            "newcomer_typing_s",
            "newcomer_hours",
            "newcomer_posts",
        ),
        *_numbers("moderation", 1000, "reports_to_hold"),
        Definition("banned_hosts", "moderation", Kind.TEXT),
        Definition("banned_words", "moderation", Kind.TEXT),
        *_numbers("files", _LARGEST, "max_upload_bytes", "account_bytes"),
        *_numbers(
            "requests",
            100_000_000,
            "requests_api",
            "requests_api_visitor",
            "requests_resolve",
            "requests_resolve_visitor",
            "requests_pages",
            "requests_pages_visitor",
            "requests_jobs",
        ),
        Definition("smtp_url", "mail", Kind.SECRET),
        Definition("mail_from", "mail", Kind.TEXT),
        Definition("upstreams", "outside", Kind.TEXT),
        Definition("outbound_allow", "outside", Kind.TEXT),
    ]
}


def definition(name: str) -> Definition:
    """Return a setting by its name.

    Raises:
        NotFoundError: none of this name can be changed while the site runs.
    """
    found = DEFINITIONS.get(name)
    if found is None:
        raise NotFoundError(_("There is no such setting."))
    return found


def parse(found: Definition, text: str) -> int | str:
    """Return the value that was typed.

    Raises:
        InvalidError: it is no number, or too small or large, or too long.
    """
    text, problem = text.strip(), ""
    if found.kind is Kind.NUMBER:
        digits = text.replace("_", "").replace(" ", "")
        if digits.isascii() and digits.isdigit() and found.least <= int(digits[:20]) <= found.most:
            return int(digits)
        problem = _("Write a whole number from %(least)d to %(most)d.") % {
            "least": found.least,
            "most": found.most,
        }
    elif len(text) > _MOST_TEXT or "\0" in text or "\n" in text:
        problem = _("Write one line of at most %(n)d characters.") % {"n": _MOST_TEXT}
    else:
        return text
    raise InvalidError(problem, code="bad_setting", details=[Detail(found.name, problem)])


def stored(settings: Settings, found: Definition, value: int | str) -> object:
    """Return a value as it is kept: a secret sealed with the site's own key."""
    if found.kind is not Kind.SECRET:
        return value
    key = settings.secret_key.get_secret_value()
    sealed = seal(key, f"{_PURPOSE} {found.name}", str(value))
    return {"sealed": base64.b64encode(sealed).decode()}


def opened(settings: Settings, found: Definition, kept: object) -> object:
    """Return what was kept as `Settings` wants it; None if it cannot be read (any more)."""
    if found.kind is Kind.NUMBER:
        # A bool is an int too, and no number.
        return kept if isinstance(kept, int) and not isinstance(kept, bool) else None
    if found.kind is Kind.TEXT:
        return kept if isinstance(kept, str) else None
    sealed = kept.get("sealed") if isinstance(kept, dict) else None
    if not isinstance(sealed, str):
        return None
    key = settings.secret_key.get_secret_value()
    text = unseal(key, f"{_PURPOSE} {found.name}", base64.b64decode(sealed))
    return SecretStr(text) if text is not None else None


def describe_unset(settings: Settings, found: Definition) -> int | str:
    """Return the value without any change here; of a secret, whether there is one."""
    value = getattr(settings, found.name)
    if isinstance(value, SecretStr):
        return "•••" if value.get_secret_value() else ""
    return value if isinstance(value, int) else str(value)
