"""Structured logs: one line per outcome, an event name and keys, no secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping

import structlog

_SECRET_KEYS = re.compile(r"password|token|secret|authorization|cookie|signature", re.IGNORECASE)
_SECRET_VALUES = re.compile(r"\b(tf[a-z]?_(?:\d+_\d+_\d+_)?[0-9a-f]{4})[0-9a-f]{28,}")


def _redact(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    for key, value in event.items():
        if key != "event" and _SECRET_KEYS.search(key):
            event[key] = "[redacted]"
        elif isinstance(value, str):
            event[key] = _SECRET_VALUES.sub(r"\1…", value)
    return event


def configure_logging(level: str = "info", log_format: str = "text") -> None:
    """Send structlog to standard error, as text for people or JSON lines for collectors."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
