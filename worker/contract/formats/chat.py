"""Conversations and instructions: Alpaca, ShareGPT and lists of messages become messages."""

from typing import cast

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.formats.base import Files, Format, Problems
from worker.contract.formats.row_table import (
    Cells,
    Wanted,
    rows_of,
    start_layout,
    tables_with,
)
from worker.contract.items import Candidate, Item, Layout, text_of
from worker.contract.recipe import Columns

NAME = "chat"
Message = dict[str, JsonValue]
_OPTIONAL = {
    "input": Wanted((), is_needed=False),
    "system": Wanted(("system_prompt",), is_needed=False),
    "history": Wanted((), is_needed=False),
}
_SHAPES: dict[str, dict[str, Wanted]] = {
    "messages": {"messages": Wanted(("conversations", "conversation", "dialogue"))},
    "alpaca": {"instruction": Wanted(), "output": Wanted(("response", "answer")), **_OPTIONAL},
    "prompt": {
        "instruction": Wanted(("prompt", "query", "question")),
        "output": Wanted(("completion", "response", "answer", "chosen")),
        **_OPTIONAL,
    },
}
_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}


def _shape(files: Files, columns: Columns) -> str | None:
    return next((name for name in _SHAPES if tables_with(files, columns, _SHAPES[name])), None)


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like conversations."""
    shape = _shape(files, columns)
    if shape is None:
        return None
    first = tables_with(files, columns, _SHAPES[shape])[0]
    params: dict[str, str | int] = {"table": first.path, "columns": ", ".join(first.names.values())}
    reason = N_("{table} has the columns of conversations: {columns}.")
    score = 65 if shape == "prompt" else 84
    return Candidate(format=NAME, score=score, reason=reason, params=params)


def read(files: Files, columns: Columns) -> Layout:
    """Return the conversations; those that do not take turns are told, never left out silently."""
    shape = _shape(files, columns) or "messages"
    matching = tables_with(files, columns, _SHAPES[shape])
    layout, problems = start_layout(files, matching), Problems()
    layout.notes["shape"] = shape
    for cells in rows_of(matching, columns):
        messages = _listed(cells.values["messages"]) if shape == "messages" else _instruction(cells)
        code = _fault(messages)
        if code is not None:
            problems.add(code, cells.place)
            continue
        values: dict[str, JsonValue] = {"messages": cast("list[JsonValue]", messages)}
        item = Item(
            cells.path, "", cells.split, row=cells.row.line, values=values, group=cells.group
        )
        layout.items.append(item)
    layout.findings += problems.findings()
    return layout


def _message(role: str, content: JsonValue) -> Message:
    return {"role": role, "content": text_of(content)}


def _listed(cell: JsonValue) -> list[Message]:
    """Return messages from a list of {role, content} or {from, value}."""
    messages = []
    for part in cell if isinstance(cell, list) else []:
        if not isinstance(part, dict):
            return []
        role = text_of(part.get("role") or part.get("from")).lower()
        messages.append(_message(_ROLES.get(role, role), part.get("content", part.get("value"))))
    return messages


def _instruction(cells: Cells) -> list[Message]:
    messages = []
    if cells.text("system").strip():
        messages.append(_message("system", cells.text("system")))
    history = cells.values.get("history")
    for pair in history if isinstance(history, list) else []:
        if isinstance(pair, list) and len(pair) == 2:  # noqa: PLR2004 - a question and its answer
            messages += [_message("user", pair[0]), _message("assistant", pair[1])]
    parts = [cells.text("instruction"), cells.text("input")]
    messages.append(_message("user", "\n\n".join(part for part in parts if part.strip())))
    messages.append(_message("assistant", cells.values.get("output")))
    return messages


def _fault(messages: list[Message]) -> str | None:
    """Return the rule that a conversation breaks, or None."""
    roles = [text_of(message["role"]) for message in messages]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    if "assistant" not in turns or any(not text_of(m["content"]).strip() for m in messages):
        return "TURN_EMPTY"
    expected = ("user", "tool"), ("assistant",)
    in_turn = all(role in expected[number % 2] for number, role in enumerate(turns))
    return None if in_turn and turns[-1] == "assistant" else "ROLE_ORDER"


FORMAT = Format(NAME, "text", detect, read)
