"""Two languages: the sentences in the code are English, `locale/` holds the others.

One catalogue a feature (`locale/zh_CN/hub.po`) so that each stays readable; they are merged when
the process starts. The current language travels in a context variable, set for each request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from babel.messages.pofile import read_po

from app.core.files import resource_dir

LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
DEFAULT_LANGUAGE = "en"

_current: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)


class Catalog(dict[str, tuple[str, ...]]):
    """Messages of one language: singular forms keyed by id, plural forms keyed by the singular."""


@lru_cache
def catalog(language: str) -> Catalog:
    """Return the merged messages of `language`; English needs none."""
    messages = Catalog()
    folder = resource_dir("locale") / language.replace("-", "_")
    for path in sorted(folder.glob("*.po")) if folder.is_dir() else []:
        _read(path, messages)
    return messages


def _read(path: Path, into: Catalog) -> None:
    with path.open("rb") as file:
        # The locale says how many plural forms a message has.
        for message in read_po(file, locale=path.parent.name):
            if not message.id or message.fuzzy:
                continue
            key = message.id if isinstance(message.id, str) else message.id[0]
            strings = message.string or ""
            forms = (strings,) if isinstance(strings, str) else tuple(strings)
            if all(forms):
                into[key] = forms


def set_language(language: str) -> None:
    """Make `language` the current one for this request's context."""
    _current.set(language if language in LANGUAGES else DEFAULT_LANGUAGE)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak `language` inside the block: a letter follows its reader, not the request."""
    before = _current.set(language if language in LANGUAGES else DEFAULT_LANGUAGE)
    try:
        yield
    finally:
        _current.reset(before)


def language() -> str:
    """Return the current language tag, `en` or `zh-CN`."""
    return _current.get()


def _(message: str) -> str:
    """Return `message` in the current language; itself when there is no translation."""
    forms = catalog(_current.get()).get(message)
    return forms[0] if forms else message


def ngettext(singular: str, plural: str, n: int) -> str:
    """Return the form of the message that fits the number `n` in the current language."""
    forms = catalog(_current.get()).get(singular)
    if forms:  # Chinese has one form
        return forms[min(len(forms) - 1, 0 if n == 1 else 1)]
    return singular if n == 1 else plural


def negotiate(accept_language: str) -> str:
    """Return the best of our languages for an `Accept-Language` header."""
    weighted: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:20]:
        tag, _sep, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        weighted.append((weight, tag.lower()))
    for _weight, tag in sorted(weighted, key=lambda item: -item[0]):
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return DEFAULT_LANGUAGE
