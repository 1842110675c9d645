"""What the index of the site knows of jobs, and to whom it may tell it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.jobs.queries import jobs as queries
from app.jobs.queries.jobs import changed_since, is_visible
from app.jobs.states import JobState

__all__ = ["JobText", "changed_since", "is_visible", "job_texts"]


@dataclass(frozen=True)
class JobText:
    """A job in words: what was asked for, of what, and why it failed if it did."""

    id: int
    owner_id: int
    owner: str
    title: str
    task: str
    inputs: Sequence[str]
    failure: str
    is_over: bool
    created_at: datetime
    changed_at: datetime


async def job_texts(db: AsyncSession, numbers: Collection[int]) -> list[JobText]:
    """Return jobs in words."""
    rows = await queries.jobs_by_id(db, numbers)
    inputs: dict[int, list[str]] = {row.id: [] for row in rows}
    for one in await queries.inputs_of(db, inputs):
        inputs[one.job_id].append(one.name)
    owners = await accounts.account_refs(db, {row.owner_id for row in rows})
    return [
        JobText(
            id=row.id,
            owner_id=row.owner_id,
            owner=owners[row.owner_id].name if row.owner_id in owners else "",
            title=row.title,
            task=row.task,
            inputs=list(dict.fromkeys(inputs[row.id])),
            failure=_failure(row.failure) if row.state is JobState.FAILED else "",
            is_over=row.finished_at is not None,
            created_at=row.created_at,
            changed_at=row.finished_at or row.queued_at,
        )
        for row in rows
    ]


def _failure(failure: dict[str, object] | None) -> str:
    said = failure or {}
    return " ".join(str(said.get(name, "")) for name in ("sentence", "detail", "code")).strip()
