"""How many rows each table has at a moment, so that what comes back can be compared."""

from collections.abc import Mapping

import psycopg
from psycopg import sql

TABLES = """
SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename
"""

Range = tuple[int, int]


def hold_still(connection: psycopg.Connection) -> None:
    """Let the connection see the database as it is now until `count_rows` has ended."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.execute("SELECT pg_current_snapshot()")  # only now the moment is fixed


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """Return the rows of every table; writers are not held up."""
    names = [str(row[0]) for row in connection.execute(TABLES)]
    counts = {}
    for name in names:
        statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name))
        row = connection.execute(statement).fetchone()
        counts[name] = int(row[0]) if row else 0
    return counts


def between(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, Range]:
    """Return the least and the most rows that each table can have had in between."""
    return {
        name: (min(num, after.get(name, 0)), max(num, after.get(name, 0)))
        for name, num in before.items()
    }


def differences(rows: Mapping[str, Range], found: Mapping[str, int]) -> list[str]:
    """Return what is wrong with the counted rows, a sentence each."""
    wrong = []
    for name, (least, most) in rows.items():
        num = found.get(name)
        if num is None:
            wrong.append(f"The table {name} is missing.")
        elif not least <= num <= most:
            wished = str(least) if least == most else f"{least} to {most}"
            wrong.append(f"The table {name} has {num} rows instead of {wished}.")
    return wrong
