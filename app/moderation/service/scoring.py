"""What looks like spam, found out here and without asking anybody outside.

A site may add a scorer of its own: `TUNINGFORK_SPAM_SCORER` names a function that takes the text
and returns findings.
"""

import importlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from app.core.settings import Settings
from app.moderation.schemas import Finding

Scorer = Callable[[str], Sequence[Finding]]

# From this weight on a newcomer's post is held.
HOLD_FROM = 3.0
_LINK = re.compile(r"(?:https?://|www\.)([^\s/<>()\[\]\"'`]+)[^\s<>()\[\]\"'`]*", re.IGNORECASE)
_EACH_LINK, _MOST_LINKS = 0.5, 2.0
_MOSTLY = 0.5
_REPEATED_CHARS = 20
_EACH_REPEAT, _MOST_REPEATS = 1.0, 2.0
_SHOUTED_CHARS = 40
_SHOUTED = 0.7


def hosts_of(text: str, own: str = "") -> list[str]:
    """Return the hosts that a text leads to, in lower case, the site's own not."""
    found = [match[1].lower().removeprefix("www.") for match in _LINK.finditer(text)]
    return [host for host in found if host != own]


def score(text: str, earlier: Sequence[str], settings: Settings) -> list[Finding]:
    """Return what looks like spam in a newcomer's text, given what they wrote before."""
    found = [*_links(text, settings), *_repeats(text, earlier), *_shouting(text)]
    found += banned(text, settings)
    if (scorer := pluggable(settings.spam_scorer)) is not None:
        found += scorer(text)
    return found


def banned(text: str, settings: Settings) -> list[Finding]:
    """Return the hosts and words in a text that this site does not want from anybody."""
    unwanted = [host.strip().lower() for host in settings.banned_hosts.split(",") if host.strip()]
    found = [
        Finding("banned_host", HOLD_FROM, host)
        for host in dict.fromkeys(hosts_of(text))
        if any(host == one or host.endswith(f".{one}") for one in unwanted)
    ]
    lowered = text.casefold()
    words = [word.strip().casefold() for word in settings.banned_words.split(",")]
    found += [Finding("banned_word", HOLD_FROM, word) for word in words if word and word in lowered]
    return found


def _links(text: str, settings: Settings) -> list[Finding]:
    hosts = hosts_of(text, settings.site_url.partition("//")[2].partition("/")[0].lower())
    if not hosts:
        return []
    found = [Finding("links", min(len(hosts) * _EACH_LINK, _MOST_LINKS), str(len(hosts)))]
    length = sum(len(match[0]) for match in _LINK.finditer(text))
    if length > _MOSTLY * len(text):
        found.append(Finding("mostly_links", 1.0))
    return found


def _repeats(text: str, earlier: Sequence[str]) -> list[Finding]:
    if len(text) < _REPEATED_CHARS:
        return []
    same = sum(_plain(one) == _plain(text) for one in earlier)
    if not same:
        return []
    return [Finding("repeated", min(same * _EACH_REPEAT, _MOST_REPEATS), str(same))]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _shouting(text: str) -> list[Finding]:
    letters = [char for char in text if char.isascii() and char.isalpha()]
    if len(letters) < _SHOUTED_CHARS:
        return []
    share = sum(char.isupper() for char in letters) / len(letters)
    return [Finding("shouting", 1.0)] if share > _SHOUTED else []


def check_scorer(settings: Settings) -> None:
    """Load the site's own scorer, so that a wrong name shows when the site starts."""
    pluggable(settings.spam_scorer)


@lru_cache
def pluggable(name: str) -> Scorer | None:
    """Return the site's own scorer, `package.module:function`; None if none is named."""
    if not name:
        return None
    module, _colon, function = name.partition(":")
    found: Scorer = getattr(importlib.import_module(module), function)
    return found
