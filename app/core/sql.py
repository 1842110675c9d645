"""Statements and column types that more than one feature needs."""

import enum
from typing import Any

from sqlalchemy import Enum, Select, func, select
from sqlalchemy.dialects.postgresql import REGCLASS

from app.core.db import AsyncSession, Base


def by_value(kind: type[enum.Enum], length: int = 16) -> Enum:
    """Return a column type that keeps the word itself: a new member needs no migration."""
    return Enum(
        kind,
        native_enum=False,
        length=length,
        values_callable=lambda members: [member.value for member in members],
    )


async def next_id(db: AsyncSession, table: type[Base]) -> int:
    """Return the number of a row of `table` that is about to be made, for what must know it."""
    sequence = func.pg_get_serial_sequence(table.__tablename__, "id")
    found: int = await db.scalar(select(func.nextval(sequence.cast(REGCLASS)))) or 0
    return found


def taken(rows: Select[Any]) -> Select[Any]:
    """Return `rows`, which lock what they find, such that they are looked for once only.

    Where `id IN (SELECT … LIMIT n FOR UPDATE SKIP LOCKED)` stands, the planner may ask again for
    every outer row, and finds the next n rows each time. What locks in a common table expression
    is never asked twice.
    """
    found = rows.cte("taken")
    return select(*found.c)
