"""The form that makes a model repository of a result."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.accounts import service as accounts
from app.accounts.schemas import Role
from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.security import Viewer
from app.hub import policy as hub_policy
from app.hub.schemas import RepositoryKind
from app.jobs.service.run_record import RunRecord

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+|-{2,}|\.{2,}")


@dataclass(frozen=True)
class Refused:
    """A publish form that was sent and not accepted."""

    problem: AppError
    owner: str
    name: str
    private: bool


@dataclass(frozen=True)
class PublishForm:
    """What the form shows; `owners` are pairs of value and label."""

    owners: Sequence[tuple[str, str]]
    owner: str
    name: str
    private: bool
    data_is_private: bool
    error: str = ""
    fix: str = ""


async def publish_form(
    db: AsyncSession, viewer: Viewer, record: RunRecord, refused: Refused | None
) -> PublishForm:
    """Return the form as it is shown: what was typed, or what fits the job."""
    owners = [(viewer.name, viewer.name)]
    for account, role in await accounts.organizations_of(db, viewer.require_user()):
        if role >= Role.CONTRIBUTOR:
            owners.append((account.name, account.display_name or account.name))
    hidden = await _data_is_private(db, viewer, record)
    if refused is None:
        name = _NOT_IN_NAMES.sub("-", record.job.title).strip("-.")[:96]
        return PublishForm(owners, viewer.name, name, hidden, hidden)
    problem = refused.problem
    sentence = " ".join([problem.message, *(detail.message for detail in problem.details)])
    return PublishForm(
        owners, refused.owner, refused.name, refused.private, hidden, sentence, problem.fix
    )


async def _data_is_private(db: AsyncSession, viewer: Viewer, record: RunRecord) -> bool:
    """Whether the model should begin hidden: its pictures are, or nobody can tell any more."""
    for item in record.inputs:
        if item.kind != RepositoryKind.DATASET:
            continue
        if item.repository_id is None:
            return True
        try:
            repository = await hub_policy.access_by_id(db, viewer, item.repository_id)
        except NotFoundError:
            return True
        if repository.private:
            return True
    return False
