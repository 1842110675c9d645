"""What users did with items: MovieLens files, RecBole's `.inter`, or a table of the same."""

from collections import Counter
from datetime import UTC, datetime

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.also import number_of
from worker.contract.formats.base import Files, Format, Problems
from worker.contract.formats.row_table import (
    Cells,
    Found,
    Wanted,
    rows_of,
    start_layout,
    tables_with,
)
from worker.contract.items import Candidate, Item, Layout, text_of
from worker.contract.recipe import Columns
from worker.contract.tables import MAX_ROWS, Row, Table

NAME = "interactions"
FEWEST = 3
_WANTED = {
    "user": Wanted(("userid", "user_id", "uid", "reviewerid", "customer_id", "用户")),
    "item": Wanted(
        (
            *("movieid", "item_id", "itemid", "iid", "product_id", "movie_id", "book_id"),
            *("song_id", "business_id", "asin", "物品", "商品"),
        )
    ),
    "rating": Wanted(("score", "stars", "评分"), is_needed=False),
    "timestamp": Wanted(("time", "ts", "date", "unixreviewtime", "时间"), is_needed=False),
}
_NAMES = ("user", "item", "rating", "timestamp")


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like interactions."""
    matching = _matching(files, columns)
    if not matching:
        return None
    first = matching[0]
    params: dict[str, str | int] = {
        "table": first.path,
        "columns": ", ".join(first.names[name] for name in _NAMES if name in first.names),
    }
    reason = N_("{table} pairs users and items: {columns}.")
    score = 90 if first.names.keys() & {"rating", "timestamp"} else 55
    return Candidate(format=NAME, score=score, reason=reason, params=params)


def _matching(files: Files, columns: Columns) -> list[Found]:
    known = tables_with(files, columns, _WANTED)
    for path in files.ending("u.data", ".dat", ".inter"):
        name = path.lower().rpartition("/")[2]
        if name in {"u.data", "ratings.dat"} or name.endswith(".inter"):
            text = files.text(path) or ""
            table = _inter(text) if name.endswith(".inter") else _bare(text)
            if table is not None:
                known.append(Found(path, table, {n: n for n in _NAMES if n in table.columns}))
    return known


def _bare(text: str) -> Table | None:
    """Return MovieLens' files without a heading: user, item, rating, time."""
    lines = text.splitlines()
    if not lines or len(lines) > MAX_ROWS:
        return None
    separator = "::" if "::" in lines[0] else "\t"
    return _cut(lines, separator, _NAMES, start=1)


def _inter(text: str) -> Table | None:
    """Return RecBole's file, whose heading names columns and types: `user_id:token`."""
    lines = text.splitlines()
    if not lines or len(lines) > MAX_ROWS:
        return None
    short = {"user_id": "user", "item_id": "item"}
    names = [cell.partition(":")[0] for cell in lines[0].split("\t")]
    columns = tuple(short.get(name, name) for name in names)
    return _cut(lines[1:], "\t", columns, start=2) if {"user", "item"} <= {*columns} else None


def _cut(lines: list[str], separator: str, columns: tuple[str, ...], start: int) -> Table:
    table = Table(columns)
    for number, line in enumerate(lines, start=start):
        cells = line.split(separator)
        if len(cells) == len(columns):
            table.rows.append(Row(number, dict(zip(columns, cells, strict=True))))
        elif line.strip():
            table.bad_lines.append(number)
    return table


def read(files: Files, columns: Columns) -> Layout:
    """Return the interactions; of a repeated pair the newest counts."""
    matching = _matching(files, columns)
    layout, problems = start_layout(files, matching), Problems()
    newest: dict[tuple[str | None, str, str], Item] = {}
    for cells in rows_of(matching, columns):
        item = _item(cells, layout, problems)
        if item is None:
            continue
        key = (item.split, item.group or "", text_of(item.values["item"]))
        before = newest.get(key)
        if before is not None:
            problems.add("PAIR_REPEATED", cells.place)
        if before is None or _time(before) <= _time(item):
            newest[key] = item
    layout.items = list(newest.values())
    layout.findings += problems.findings()
    _advise(layout)
    return layout


def _item(cells: Cells, layout: Layout, problems: Problems) -> Item | None:
    user, thing = cells.text("user").strip(), cells.text("item").strip()
    values: dict[str, JsonValue] = {"user": user, "item": thing}
    for name, read_number in (("rating", number_of), ("timestamp", moment_of)):
        if name in layout.mapping:
            number = read_number(cells.values.get(name))
            if number is None:
                problems.add("NUMBER_UNREADABLE", cells.place, table=cells.path)
                return None
            values[name] = number
    if not user or not thing:
        problems.add("ID_EMPTY", cells.place, table=cells.path)
        return None
    return Item(cells.path, "", cells.split, row=cells.row.line, values=values, group=user)


def moment_of(cell: JsonValue) -> float | None:
    """Return a moment in seconds since 1970, from a number or a date as ISO 8601 writes it."""
    number = number_of(cell)
    if number is not None:
        return number
    try:
        moment = datetime.fromisoformat(text_of(cell).strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _time(item: Item) -> float:
    when = item.values.get("timestamp")
    return when if isinstance(when, float) else 0.0


def _advise(layout: Layout) -> None:
    counts = Counter(item.group for item in layout.items)
    few = sorted(user or "" for user, count in counts.items() if count < FEWEST)
    if few:
        layout.findings.append(found("FEW_INTERACTIONS", few, least=FEWEST))
    if layout.items and "timestamp" not in layout.mapping:
        layout.findings.append(found("NO_TIME"))
    layout.notes["users"] = str(len(counts))
    layout.notes["items"] = str(len({text_of(item.values["item"]) for item in layout.items}))


FORMAT = Format(NAME, "table", detect, read)
