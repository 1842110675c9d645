"""Columns that a recipe names besides those of its task: weights of samples, further targets."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from worker.contract.findings import Finding, found
from worker.contract.formats.base import Problems, path_split
from worker.contract.items import WEIGHT, text_of
from worker.contract.recipe import Columns


def also_of(columns: Columns) -> Mapping[str, str]:
    """Return the further columns by the value they are read into."""
    also: Mapping[str, str] = getattr(columns, "also", {})
    return also


def also_missing(path: str, names: Sequence[str], columns: Columns) -> list[Finding]:
    """Return which further columns a table lacks; weights are needed for training alone."""
    trains = path_split(path) in {None, "train"}
    return [
        found("COLUMN_MISSING", [path], table=path, column=column, columns=", ".join(names))
        for value, column in also_of(columns).items()
        if column not in names and (trains or value != WEIGHT)
    ]


def read_also(
    cells: Mapping[str, JsonValue], columns: Columns, where: str, split: str | None, bad: Problems
) -> dict[str, JsonValue]:
    """Return the further values of a row; a weight that is none is noted, and left out.

    Args:
        cells: the row, by column.
        columns: what the recipe names.
        where: the row, as `table:line`.
        split: the split of the row.
        bad: where a weight that cannot be used is noted.
    """
    values: dict[str, JsonValue] = {}
    for name, column in also_of(columns).items():
        if column not in cells:
            continue
        if name != WEIGHT:
            values[name] = text_of(cells[column]).strip()
        elif split in {None, "train"}:
            number = number_of(cells[column])
            if number is None or number < 0:
                table = where.rpartition(":")[0]
                bad.add("WEIGHT_INVALID", where, table=table, column=column)
            else:
                values[name] = number
    return values


def number_of(cell: JsonValue) -> float | None:
    """Return a cell as a finite number, or None."""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if number - number == 0 else None
