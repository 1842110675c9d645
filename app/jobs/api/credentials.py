"""Who speaks on the worker's routes: a worker by its key, an attempt by its job token."""

from typing import Annotated

from fastapi import Depends, Path, Request

from app.core.clock import now
from app.core.errors import ForbiddenError
from app.core.http import site_settings
from app.core.i18n import _
from app.jobs.service.worker_keys import bearer, require_worker
from app.jobs.tokens import AttemptRef, read_job_token

MAX_ID = 2**63 - 1


def _attempt(
    request: Request,
    job_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    attempt: Annotated[int, Path(ge=1, le=2**31 - 1)],
) -> AttemptRef:
    key = site_settings(request).secret_key.get_secret_value()
    named = read_job_token(key, bearer(request), now())
    if named != AttemptRef(job_id, attempt):
        raise ForbiddenError(_("This job token belongs to another attempt."))
    return named


# The route is called by a worker that knows the shared key.
WorkerKey = Depends(require_worker)
# The route is called by the worker that holds this attempt; whether it still does, the write asks.
HeldAttempt = Annotated[AttemptRef, Depends(_attempt)]
