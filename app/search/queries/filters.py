"""The operators that ask columns, not words."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, not_, select

from app.hub.service import Repository
from app.search.tables import Document

# Builds a condition for `Document`, or for an alias of it.
Where = Callable[[Any], ColumnElement[bool]]
_MOST_DIGITS = 9


def filtered(name: str, value: str, *, excludes: bool) -> Where | None:
    """Return the condition of an operator; None if its value means nothing."""
    build = _FILTERS.get(name)
    if build is None or build(Document, value) is None:
        return None

    def where(row: Any) -> ColumnElement[bool]:
        condition = build(row, value)
        return not_(func.coalesce(condition, False)) if excludes else condition  # SQL's own

    return where


def of_repository(kind: str, owner: str, name: str) -> Where:
    """Return the condition that a text belongs to a repository, however its address is written."""
    named = select(Repository.id).where(
        Repository.kind == kind,
        func.lower(Repository.owner_name) == owner,
        Repository.name_key == name,
    )
    return lambda row: row.repository_id.in_(named)


def _about(kind: str) -> Callable[[Any, str], Any]:
    def condition(row: Any, value: str) -> Any:
        owner, _slash, name = value.partition("/")
        return of_repository(kind, owner, name)(row)

    return condition


def _day(*, before: bool) -> Callable[[Any, str], Any]:
    def condition(row: Any, value: str) -> Any:
        try:
            day = datetime.fromisoformat(f"{value}T00:00:00+00:00")
        except ValueError:
            return None
        return row.created_at < day if before else row.created_at >= day

    return condition


def _score(row: Any, value: str) -> Any:
    sign = value[:1] if value[:1] in "<>" else ""
    digits = value.removeprefix(sign)
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        return None
    number = int(digits)
    if not sign:
        return row.score >= number
    return row.score > number if sign == ">" else row.score < number


_FILTERS: dict[str, Callable[[Any, str], Any]] = {
    "model": _about("model"),
    "dataset": _about("dataset"),
    "before": _day(before=True),
    "after": _day(before=False),
    "score": _score,
}
