"""Conditions on what begins in some way, each a range of an index."""

from typing import Any

from sqlalchemy import ColumnElement, or_

# No number of this site has more digits.
MOST_DIGITS = 12


def number_begins(column: Any, digits: str) -> ColumnElement[bool]:
    """Return the condition that a number is written with these digits first; they are not empty.

    Casting the column to text would read the whole table; these ranges read an index.
    """
    first = int(digits)
    tens = [10**power for power in range(MOST_DIGITS - len(digits) + 1)]
    return or_(*(column.between(first * ten, (first + 1) * ten - 1) for ten in tens))
