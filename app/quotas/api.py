"""Usage and limits as JSON."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from app.accounts.schemas import AccountKind
from app.core.http import AdminViewer, Db, RepoReader
from app.quotas import policy, service
from app.quotas.schemas import LimitChangeOut, LimitIn, LineOut, UsageOut

router = APIRouter(prefix="/api/v1", tags=["usage"])
_Name = Annotated[str, Query(max_length=100)]


@router.get("/usage")
async def show_usage(db: Db, viewer: RepoReader, account: _Name = "") -> UsageOut:
    """Return what an account holds and uses: one's own, or that of an organisation one is in.

    `bytes` is the sum of the contents, each once; `bytes_by_source` counts a content in each
    source that refers to it.
    """
    found = await policy.access_account(db, viewer, account)
    usage = await service.usage(db, found.id, is_person=found.kind is AccountKind.USER)
    return UsageOut(
        account=found.name,
        lines=[
            LineOut(kind=line.kind, used=line.used, limit=line.limit, share=round(line.share, 4))
            for line in usage.lines
        ],
        bytes_by_source=usage.by_source,
    )


@router.put("/usage/{account}/limits", status_code=HTTPStatus.NO_CONTENT)
async def set_limit(db: Db, viewer: AdminViewer, account: str, body: LimitIn) -> None:
    """Give a person or an organisation a limit of its own, or take it away."""
    found = await policy.access_account(db, viewer, account)
    await service.set_limit(db, viewer.user_id, found.id, body.kind, body.amount, body.reason)


@router.get("/usage/{account}/limits/history")
async def limit_history(db: Db, viewer: RepoReader, account: str) -> list[LimitChangeOut]:
    """Return how an account's limits were changed, the latest first."""
    found = await policy.access_account(db, viewer, account)
    return [
        LimitChangeOut(
            kind=one.kind,
            before=one.before,
            after=one.after,
            reason=one.reason,
            changed_at=one.changed_at,
        )
        for one in await service.history(db, found.id)
    ]
