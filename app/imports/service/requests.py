"""What people do with imports: start one, look at theirs, cancel, try again."""

import re

import structlog

from app.accounts import service as accounts
from app.core import i18n
from app.core.db import AsyncSession
from app.core.errors import (
    ConflictError,
    Detail,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
)
from app.core.events import emit
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.sealing import seal
from app.core.security import Viewer
from app.core.settings import Settings
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.policy import MovedError
from app.imports import queries
from app.imports.events import ImportQueued
from app.imports.schemas import ImportIn, ImportOut
from app.imports.tables import Import
from app.imports.upstreams import find_upstream

log = structlog.get_logger(__name__)

MAX_OPEN = 20
# The purpose under which a token for another hub is kept.
SEALED_FOR = "import-token"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_SOURCE = re.compile(rf"{_PART}(/{_PART})?")


async def start(db: AsyncSession, settings: Settings, viewer: Viewer, wanted: ImportIn) -> Import:
    """Queue an import.

    Raises:
        InvalidError: importing is off, or the source or the target cannot be called so.
        ForbiddenError: the viewer may not write to the target.
        ConflictError: something is being imported there already.
        RateLimitedError: too many imports of the viewer's have not ended.
    """
    user_id = viewer.require_user()
    upstream = find_upstream(settings, wanted.upstream.strip())
    source = wanted.source.strip().strip("/")
    if _SOURCE.fullmatch(source) is None or ".." in source:
        problem = _("Write the name as owner/name, as the other hub does.")
        raise InvalidError(problem, code="bad_source", details=[Detail("source", problem)])
    job = Import(
        user_id=user_id,
        kind=wanted.kind,
        upstream=upstream.name,
        source=source,
        revision=wanted.revision.strip(),
        owner_name=wanted.owner.strip() or viewer.name,
        name=wanted.name.strip() or source.rpartition("/")[2],
        private=wanted.private,
        language=i18n.language(),
        sealed_token=_sealed(settings, wanted.token),
    )
    await _require_target(db, viewer, job)
    await queries.lock_target(db, job)
    if await queries.open_twin(db, job) is not None:
        raise ConflictError(_("Something is being imported into this repository already."))
    if await queries.num_open(db, user_id) >= MAX_OPEN:
        raise RateLimitedError(
            _("You already have %(n)d imports that have not ended.") % {"n": MAX_OPEN},
            fix=_("Wait until one ends, or cancel one."),
            headers={"Retry-After": "60"},
        )
    db.add(job)
    await db.flush()
    emit(db, ImportQueued(job.id))
    log.info("import_started", import_id=job.id, upstream=upstream.name)
    return job


def _sealed(settings: Settings, token: str) -> bytes | None:
    token = token.strip()
    if not token:
        return None
    if not token.isascii() or not token.isprintable():
        raise InvalidError(_("This is not an access token."), code="bad_token")
    return seal(settings.secret_key.get_secret_value(), SEALED_FOR, token)


async def _require_target(db: AsyncSession, viewer: Viewer, job: Import) -> None:
    """Pass only if the viewer may fill the repository, or make it."""
    hub.check_repository_name(job.name)
    try:
        await hub_policy.access_for_write(db, viewer, job.kind, job.owner_name, job.name)
    except MovedError as moved:
        raise ConflictError(
            _("This repository is called %(name)s now.") % {"name": f"{moved.owner}/{moved.name}"}
        ) from moved
    except NotFoundError:
        owner = await accounts.find_account(db, job.owner_name)
        if owner is None or not await hub_policy.may_create_for(db, viewer, owner.id):
            raise ForbiddenError(
                _("You may not create a repository under %(owner)s.") % {"owner": job.owner_name}
            ) from None


async def list_imports(
    db: AsyncSession, viewer: Viewer, cursor: str | None, limit: int
) -> Page[Import]:
    """Return one page of the viewer's imports, newest first."""
    before = None
    if cursor:
        (value,) = decode_cursor(cursor, 1)
        before = value if isinstance(value, int) and abs(value) < 1 << 62 else 0
    rows = await queries.imports_of(db, viewer.require_user(), before, limit + 1)
    more = len(rows) > limit
    return Page(rows[:limit], encode_cursor([rows[limit - 1].id]) if more else None)


async def cancel(db: AsyncSession, job: Import) -> Import:
    """Stop an import; what has arrived is kept for another try. Twice is once."""
    await queries.request_cancel(db, job.id)
    return await queries.import_by_id(db, job.id) or job


async def retry(db: AsyncSession, settings: Settings, job: Import, token: str) -> Import:
    """Queue an import again that failed or was cancelled; it goes on where it left off.

    Raises:
        ConflictError: it has neither failed nor was it cancelled.
    """
    find_upstream(settings, job.upstream)
    await queries.lock_target(db, job)
    twin = await queries.open_twin(db, job)
    if twin is not None or not await queries.reopen(db, job.id, _sealed(settings, token)):
        raise ConflictError(_("Only an import that failed or was cancelled can be tried again."))
    emit(db, ImportQueued(job.id))
    return await queries.import_by_id(db, job.id) or job


def described(job: Import) -> ImportOut:
    """Return what its owner sees of an import."""
    target = f"{job.owner_name}/{job.name}"
    return ImportOut(
        id=job.id,
        kind=job.kind,
        upstream=job.upstream,
        source=job.source,
        revision=job.revision,
        source_commit=job.source_commit,
        target=target,
        url=f"/{job.kind.web_prefix}{target}",
        state=job.state,
        files_done=job.files_done,
        files_total=job.files_total,
        bytes_done=job.bytes_done,
        bytes_total=job.bytes_total,
        current_path=job.current_path,
        commit=job.commit,
        error=job.error,
        fix=job.fix,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )
