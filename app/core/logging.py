"""Structured logs: one line per outcome, an event name and keys, no secrets.

What libraries say through the standard library takes the same way, so that a collector is never
given a line of another shape.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import structlog

_SECRET_KEYS = re.compile(r"password|token|secret|authorization|cookie|signature", re.IGNORECASE)
_SECRET_VALUES = re.compile(r"\b(tf[a-z]?_(?:\d+_\d+_\d+_)?[0-9a-f]{4})[0-9a-f]{28,}")
# The password of an address, as of a database in an error's words.
_URL_PASSWORDS = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(@)")
_CREDENTIALS = re.compile(r"(?i)\b(bearer|basic) +[a-z0-9._~+/=-]{8,}")
_HIDDEN = "[redacted]"


def _redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key.startswith("_"):
            continue  # the library's own, never written
        event[key] = _clean(value) if key == "event" else _redacted(key, value)
    return event


def _redacted(key: str, value: object) -> object:
    return _HIDDEN if _SECRET_KEYS.search(key) else _clean(value)


def _clean(value: object) -> object:
    """Return a value without secrets, however deep they lie."""
    if isinstance(value, str):
        hidden = _URL_PASSWORDS.sub(rf"\1{_HIDDEN}\2", _SECRET_VALUES.sub(r"\1…", value))
        return _CREDENTIALS.sub(rf"\1 {_HIDDEN}", hidden)
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_clean(one) for one in value]
    return value


def configure_logging(level: str = "info", log_format: str = "text") -> None:
    """Send structlog to standard error, as text for people or JSON lines for collectors."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _redact,
        renderer,
    ]
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _catch_libraries(least, shared, last)


class _OwnHandler(logging.StreamHandler[Any]):
    """Ours: replaced when logging is configured again, others stay as they are."""


def _catch_libraries(
    least: int,
    shared: Sequence[structlog.typing.Processor],
    last: Sequence[structlog.typing.Processor],
) -> None:
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _OwnHandler)]:
        root.removeHandler(handler)
    handler = _OwnHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root.addHandler(handler)
    # Libraries tell of each request and connection otherwise.
    root.setLevel(max(least, logging.WARNING))
    logging.getLogger("uvicorn").setLevel(least)
