"""Texts in a table, with their class, their classes or a number each."""

from collections import Counter

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.findings import Finding, found
from worker.contract.formats.also import also_missing, also_of, number_of, read_also
from worker.contract.formats.base import Files, Format, Problems, asked, is_asked
from worker.contract.formats.row_table import (
    LABELS,
    Cells,
    Found,
    Wanted,
    classes_of,
    rows_of,
    start_layout,
    tables_with,
    without_columns,
)
from worker.contract.items import Candidate, Item, Layout
from worker.contract.recipe import Columns
from worker.contract.tables import SUFFIXES

NAME = "text-table"
_TEXTS = (
    *("sentence", "content", "review", "comment", "body", "sentence1", "premise", "headline"),
    *("title", "message", "tweet", "utterance", "文本", "内容", "正文", "评论", "句子", "标题"),
)
_PAIRS = ("text2", "text_b", "sentence2", "hypothesis")
_MANY_CLASSES = 100
_CLASS_SHARE = 0.2


def _wanted(columns: Columns) -> dict[str, Wanted]:
    wanted = {
        "text": Wanted(_TEXTS),
        "text_pair": Wanted(_PAIRS, is_needed=False),
        "label": Wanted(("labels", *LABELS), is_needed=asked(columns, "label") is not None),
    }
    if asked(columns, "target") is not None:
        wanted["target"] = Wanted()
    return wanted


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like a table of texts."""
    if not files.ending(*SUFFIXES, ".json"):
        return None
    matching = tables_with(files, columns, _wanted(columns))
    return _with_texts(matching[0], columns) if matching else _without_texts(files, columns)


def _without_texts(files: Files, columns: Columns) -> Candidate | None:
    if is_asked(columns, "text"):
        reason = N_("The recipe names a column of texts.")
        return Candidate(format=NAME, score=82, reason=reason)
    if not files.tables():
        return None
    reason = N_("There are tables, but none has a column that is known to hold texts.")
    return Candidate(format=NAME, score=12, reason=reason)


def _with_texts(first: Found, columns: Columns) -> Candidate:
    params: dict[str, str | int] = {"table": first.path, "column": first.names["text"]}
    if is_asked(columns, "text"):
        reason = N_("The recipe names the column {column} of {table} as the text.")
        return Candidate(format=NAME, score=83, reason=reason, params=params)
    if "label" in first.names:
        params["label"] = first.names["label"]
        reason = N_("{table} has texts in {column} and classes in {label}.")
        return Candidate(format=NAME, score=68, reason=reason, params=params)
    reason = N_("{table} has texts in {column}, without classes.")
    return Candidate(format=NAME, score=40, reason=reason, params=params)


def read(files: Files, columns: Columns) -> Layout:
    """Return the texts."""
    matching = tables_with(files, columns, _wanted(columns))
    if not matching:
        return without_columns(files, columns, "text")
    layout, problems = start_layout(files, matching), Problems()
    layout.mapping.update(also_of(columns))
    for path, table, _names in matching:
        layout.findings += also_missing(path, table.columns, columns)
    if "target" in layout.mapping:
        layout.mapping.pop("label", None)
    for cells in rows_of(matching, columns):
        item = _item(cells, layout, problems, columns)
        if item is not None:
            layout.items.append(item)
    layout.findings += problems.findings()
    layout.findings += _class_advice(layout, matching)
    return layout


def _item(cells: Cells, layout: Layout, problems: Problems, columns: Columns) -> Item | None:
    text = cells.text("text")
    if not text.strip():
        problems.add("TEXT_EMPTY", cells.place, table=cells.path)
        return None
    values: dict[str, JsonValue] = {"text": text}
    if "text_pair" in cells.values:
        values["text_pair"] = cells.text("text_pair")
    label, labels = "", tuple[str, ...]()
    if "target" in layout.mapping:
        number = number_of(cells.values.get("target"))
        if number is None:
            problems.add("NUMBER_UNREADABLE", cells.place, table=cells.path)
            return None
        values["target"] = number
    elif "label" in layout.mapping:
        label, labels = classes_of(cells.values.get("label"), layout.mapping["label"])
        if not label.strip() and not labels and layout.mapping["label"].lower() != "labels":
            problems.add("LABEL_EMPTY", cells.place, table=cells.path)
            return None
    values |= read_also(cells.row.cells, columns, cells.place, cells.split, problems)
    return Item(
        cells.path,
        label,
        cells.split,
        row=cells.row.line,
        values=values,
        labels=labels,
        group=cells.group,
    )


def _class_advice(layout: Layout, matching: list[Found]) -> list[Finding]:
    counts = Counter(item.label for item in layout.items if item.label)
    rows = counts.total()
    if len(counts) <= _MANY_CLASSES or len(counts) < rows * _CLASS_SHARE:
        return []
    column = layout.mapping.get("label", "label")
    places = [matching[0].path]
    return [found("MANY_CLASSES", places, column=column, count=len(counts), rows=rows)]


FORMAT = Format(NAME, "text", detect, read)
