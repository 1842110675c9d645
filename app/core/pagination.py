"""Keyset pages: the cursor holds the sort key of the last row.

Page 10,000 then costs what page 1 does, and a row that appears meanwhile shifts nothing.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.core.errors import BadRequestError

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` is None on the last one."""

    items: Sequence[T]
    next_cursor: str | None = None


def encode_cursor(values: Sequence[object]) -> str:
    """Return an opaque, URL-safe cursor for the sort key `values` (strings, numbers, null)."""
    raw = json.dumps(list(values), separators=(",", ":"), default=str).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str, length: int) -> list[object]:
    """Return the sort key inside `cursor`.

    Raises:
        BadRequestError: this is not a cursor we made for a key of `length` parts.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        values = json.loads(raw)
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor() from error
    if not isinstance(values, list) or len(values) != length:
        raise _bad_cursor()
    return values


def _bad_cursor() -> BadRequestError:
    return BadRequestError("This page address is not valid.", fix="Start from the first page.")
