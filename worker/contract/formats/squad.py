"""Questions about a text whose answer stands in it: SQuAD's JSON, or a table of the same."""

import hashlib
from collections.abc import Iterator

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.base import Files, Format, Problems, path_split
from worker.contract.formats.row_table import Wanted, rows_of, start_layout, tables_with
from worker.contract.items import Candidate, Item, Layout, text_of
from worker.contract.recipe import Columns
from worker.contract.tables import clean

NAME = "squad"
_WANTED = {
    "question": Wanted(("query", "问题")),
    "context": Wanted(("passage", "paragraph", "document", "上下文")),
    "answers": Wanted(("answer", "答案")),
}
Json = dict[str, JsonValue]


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like SQuAD."""
    for path in files.ending(".json"):
        if _articles(files.json(path)):
            reason = N_("{table} holds articles, paragraphs and questions as SQuAD does.")
            return Candidate(format=NAME, score=92, reason=reason, params={"table": path})
    matching = tables_with(files, columns, _WANTED)
    if matching:
        reason = N_("{table} has columns for question, context and answers.")
        return Candidate(format=NAME, score=86, reason=reason, params={"table": matching[0].path})
    return None


def read(files: Files, columns: Columns) -> Layout:
    """Return the questions; several about one text are never parted into different splits."""
    matching = tables_with(files, columns, _WANTED)
    layout, problems = start_layout(files, matching), Problems()
    for path in files.ending(".json"):
        split = path_split(path)
        for number, (context, question) in enumerate(_questions(files.json(path)), start=1):
            place = f"{path}#{text_of(question.get('id')) or number}"
            asks, answers = question.get("question"), _answers(question.get("answers"))
            values = _values(place, context, asks, answers, problems)
            if values is not None:
                item = Item(path, "", split, row=number, values=values, group=_group(context))
                layout.items.append(item)
    for cells in rows_of(matching, columns):
        context, answers = cells.text("context"), _answers(cells.values["answers"])
        values = _values(cells.place, context, cells.values["question"], answers, problems)
        if values is not None:
            group = cells.group or _group(context)
            item = Item(cells.path, "", cells.split, row=cells.row.line, values=values, group=group)
            layout.items.append(item)
    layout.findings += problems.findings()
    ids = _repeated(files)
    if ids:
        layout.findings.append(found("ID_REPEATED", ids, table=ids[0].split("#")[0], first=ids[0]))
    return layout


def _group(context: str) -> str:
    return hashlib.sha256(context.encode()).hexdigest()[:16]


def _articles(value: JsonValue) -> list[Json]:
    data = value.get("data") if isinstance(value, dict) else None
    found_ = [part for part in data if isinstance(part, dict)] if isinstance(data, list) else []
    return [part for part in found_ if isinstance(part.get("paragraphs"), list)]


def _objects(value: JsonValue) -> list[Json]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _questions(value: JsonValue) -> Iterator[tuple[str, Json]]:
    for article in _articles(value):
        for paragraph in _objects(article.get("paragraphs")):
            context = text_of(clean(paragraph.get("context")))
            for question in _objects(paragraph.get("qas")):
                yield context, question


def _answers(value: JsonValue) -> list[tuple[str, int | None]] | None:
    """Return (text, place) of the answers, from a list of objects or an object of lists."""
    if isinstance(value, dict):
        texts, starts = value.get("text"), value.get("answer_start")
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            return None
        value = [{"text": t, "answer_start": s} for t, s in zip(texts, starts, strict=True)]
    if not isinstance(value, list):
        return None
    answers: list[tuple[str, int | None]] = []
    for answer in _objects(value):
        start = answer.get("answer_start")
        answers.append((text_of(answer.get("text")), start if isinstance(start, int) else None))
    return answers


def _values(
    place: str,
    context: str,
    question: JsonValue,
    answers: list[tuple[str, int | None]] | None,
    problems: Problems,
) -> Json | None:
    """Return the canonical row; None, with a problem, when it is not whole."""
    if not context or not text_of(question).strip() or answers is None:
        problems.add("QUESTION_EMPTY", place)
        return None
    for text, start in answers:
        if start is None or not text or context[start : start + len(text)] != text:
            problems.add("ANSWER_NOT_IN_TEXT", f"{place} {text[:40]!r}")
            return None
    listed: list[JsonValue] = [{"text": text, "start": start} for text, start in answers]
    return {"question": text_of(clean(question)), "context": context, "answers": listed}


def _repeated(files: Files) -> list[str]:
    repeated = []
    for path in files.ending(".json"):
        seen: set[str] = set()
        for _, question in _questions(files.json(path)):
            name = text_of(question.get("id"))
            if name and name in seen:
                repeated.append(f"{path}#{name}")
            seen.add(name)
    return repeated


FORMAT = Format(NAME, "text", detect, read)
