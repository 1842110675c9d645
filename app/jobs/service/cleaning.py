"""Making what a worker sent storable: some JSON that Python reads, PostgreSQL refuses."""

import math

from pydantic import JsonValue

_MAX_TEXT = 20_000


def clean_text(text: str) -> str:
    """Return `text` without characters a database text cannot hold, and not endlessly long."""
    readable = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return readable if len(readable) <= _MAX_TEXT else f"{readable[:_MAX_TEXT]}…"


def clean_json(value: JsonValue) -> JsonValue:
    """Return `value` with clean texts, and null for numbers that are not finite."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): clean_json(item) for key, item in value.items()}
    return value


def clean_object(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a cleaned JSON object."""
    return {clean_text(key): clean_json(item) for key, item in value.items()}
