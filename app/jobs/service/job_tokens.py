"""Recognising a job token on the hub: a worker reads as its job's owner, and only what it needs."""

from starlette.requests import Request

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import UnauthorizedError
from app.core.http import site_settings
from app.core.i18n import _
from app.core.security import Scope, Viewer
from app.jobs.queries import jobs as job_queries
from app.jobs.tokens import PREFIX, read_job_token


async def authenticate(db: AsyncSession, request: Request) -> Viewer | None:
    """Return a reader limited to the repositories of the job; None for another credential.

    Raises:
        UnauthorizedError: the token is not valid, or its attempt is no longer the current one.
    """
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(PREFIX):
        return None
    key = site_settings(request).secret_key.get_secret_value()
    job = await job_queries.attempt_holder(db, read_job_token(key, token.strip(), now()))
    if job is None:
        raise UnauthorizedError(_("This attempt is no longer the current one."))
    owner = await accounts.person(db, job.owner_id)
    if owner.user.is_suspended:
        raise UnauthorizedError(_("This job's owner is suspended."))
    inputs = await job_queries.inputs_of(db, [job.id])
    return Viewer(
        user_id=job.owner_id,
        name=owner.account.name,
        scopes=frozenset({Scope.REPOS_READ}),
        token_name=f"job {job.id}",
        only_repos=frozenset(i.repository_id for i in inputs if i.repository_id is not None),
    )
