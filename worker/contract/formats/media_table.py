"""Tables that name files: pictures with a class or a number, recordings with a text or a class."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from worker.contract.findings import found
from worker.contract.formats.also import also_missing, also_of, read_also
from worker.contract.formats.base import (
    Files,
    Problems,
    asked,
    column_of,
    missing_column,
    resolve,
    split_reader,
)
from worker.contract.items import Item, Layout, text_of
from worker.contract.recipe import Columns
from worker.contract.tables import Table

LABELS = ("class", "category", "class_name", "label_name")
_PROBED_ROWS = 50


@dataclass(frozen=True)
class MediaTable:
    """What a kind of table holds: the column of files, and columns that say something of them."""

    value: str
    aliases: Sequence[str]
    suffixes: tuple[str, ...]
    missing_code: str
    texts: dict[str, Sequence[str]] = field(default_factory=dict)

    def share(self, files: Files, columns: Columns) -> tuple[str, str, float] | None:
        """Return (table, column, part of its rows whose file is there) of the best table."""
        among = frozenset(files.ending(*self.suffixes))
        best: tuple[str, str, float] | None = None
        for path, table in files.tables() if among else ():
            column = column_of(table.columns, columns, self.value, self.aliases)
            rows = table.rows[:_PROBED_ROWS]
            if column is None or not rows:
                continue
            names = [text_of(row.cells.get(column)) for row in rows]
            hits = sum(resolve(path, name, among) is not None for name in names)
            if best is None or hits / len(rows) > best[2]:
                best = (path, column, hits / len(rows))
        return best

    def read(self, files: Files, columns: Columns) -> Layout:
        """Return an item for every row whose file is there."""
        layout = Layout()
        among = frozenset(files.ending(*self.suffixes))
        for path, table in files.tables():
            self._add(layout, path, table, among, columns)
        layout.findings += files.findings.values()
        return layout

    def _add(
        self, layout: Layout, path: str, table: Table, among: frozenset[str], columns: Columns
    ) -> None:
        names = self._columns(table, columns)
        wanted = [self.value] if names.keys() & {"target", *self.texts} else [self.value, "label"]
        for name in wanted:
            if name not in names:
                layout.findings.append(missing_column(path, table, name, columns))
                return
        layout.columns = table.columns
        layout.mapping.update({**names, **also_of(columns)})
        layout.findings += also_missing(path, table.columns, columns)
        bad, missing = list(table.bad_lines), Problems()
        split_of = split_reader(path, columns, table.columns)
        for row in table.rows:
            cells = {name: text_of(row.cells.get(column)) for name, column in names.items()}
            place = resolve(path, cells[self.value], among)
            values = self._values(cells)
            if values is None:
                bad.append(row.line)
            elif place is None:
                missing.add(self.missing_code, f"{path}:{row.line} {cells[self.value]}", table=path)
            else:
                split = split_of(row)
                values |= read_also(row.cells, columns, f"{path}:{row.line}", split, missing)
                group = cells.get("group") or None
                item = Item(place, cells.get("label", ""), split, values=values, group=group)
                layout.items.append(item)
        if bad:
            lines = [f"{path}:{line}" for line in sorted(bad)]
            layout.findings.append(found("ROW_UNREADABLE", lines, table=path, line=min(bad)))
        layout.findings += missing.findings()

    def _columns(self, table: Table, columns: Columns) -> dict[str, str]:
        """Return the column of each value that the table has."""
        fields = {self.value: self.aliases, "label": (*LABELS, "target"), **self.texts}
        if asked(columns, "target") is not None:
            fields = {self.value: self.aliases, "target": (), **self.texts}
        fields["group"] = ()
        named = {name: column_of(table.columns, columns, name, fields[name]) for name in fields}
        if asked(columns, "group") is None:
            named.pop("group")
        return {name: column for name, column in named.items() if column is not None}

    def _values(self, cells: dict[str, str]) -> dict[str, JsonValue] | None:
        """Return the values of a row; None when it lacks one or a number is none."""
        if "label" in cells and not cells["label"].strip():
            return None
        values: dict[str, JsonValue] = {name: cells[name] for name in self.texts if name in cells}
        if "target" in cells:
            try:
                values["target"] = float(cells["target"])
            except ValueError:
                return None
        return values
