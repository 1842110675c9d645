"""What a run of an import does: look, take over, commit, each step once however often it runs.

What is brought in becomes one commit on `main` that names where it comes from, not the other
hub's history: the protocol's files and hashes are enough for that and every hub serves them, and
a later import of the same repository is again one commit with what has changed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from app.accounts import service as accounts
from app.core.db import AsyncSession, Database
from app.core.errors import ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.sealing import unseal
from app.core.security import WRITE_SCOPES, Viewer
from app.core.settings import Settings
from app.core.storage import BlobStore
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import (
    MAIN,
    AddBlob,
    AddStored,
    Author,
    DeleteFile,
    NewCommit,
    Operation,
    TreeFile,
)
from app.hub.service import Repository
from app.imports import queries
from app.imports.schemas import ImportState
from app.imports.service.receiving import Progress, Receiver, is_small
from app.imports.service.requests import SEALED_FOR
from app.imports.service.upstream import Remote, RemoteFile, Source
from app.imports.tables import Import, ImportFile
from app.imports.upstreams import find_upstream
from app.quotas import service as quotas
from app.quotas.schemas import Kind

log = structlog.get_logger(__name__)

# A run that was lost so often takes its process down with it.
MAX_ATTEMPTS = 8
_AT_ONCE = 6
_AT_ONCE_BYTES = 16 << 20


class LostError(Exception):
    """Another run has taken the import over; nothing of this one counts any more."""


class Work:
    """The steps of one run."""

    def __init__(
        self, settings: Settings, database: Database, storage: BlobStore, job: Import
    ) -> None:
        self._settings = settings
        self._database = database
        self._storage = storage
        self._job = job
        self._progress = Progress(job.files_done, job.bytes_done, "")

    def told(self) -> dict[str, Any]:
        """Return the progress, as columns."""
        return dict(vars(self._progress))

    async def run(self) -> None:
        """Take everything over and commit it; the import has succeeded when this returns.

        Raises:
            AppError: it cannot be done, or not now; the sentence says why.
            LostError: another run has taken over.
        """
        if self._job.attempt > MAX_ATTEMPTS:
            raise ForbiddenError(
                _("This import was interrupted too often."),
                fix=_("Ask the administrator to look into the site's log."),
            )
        remote = self._remote()
        commit = self._job.source_commit or await self._pin(remote)
        async with self._database.transaction() as db:
            viewer = await _viewer(db, self._job.user_id)
            repository = await self._repository(db, viewer)
            files = await queries.files_of(db, self._job.id)
            missing = [file for file in files if not file.is_done]
            arriving = {Kind.BYTES: sum(f.size for f in missing), Kind.FILES: len(missing)}
            await quotas.require_room(db, repository.owner_id, arriving)
        receiver = Receiver(
            database=self._database,
            storage=self._storage,
            viewer=viewer,
            repository=repository,
            remote=remote,
            import_id=self._job.id,
            commit=commit,
            max_bytes=self._settings.max_upload_bytes,
            progress=self._progress,
        )
        await self._receive(receiver, files)
        async with self._database.transaction() as db:
            await self._commit(db, viewer, remote, commit)

    def _remote(self) -> Remote:
        upstream = find_upstream(self._settings, self._job.upstream)
        token = ""
        if self._job.sealed_token is not None:
            key = self._settings.secret_key.get_secret_value()
            known = unseal(key, SEALED_FOR, self._job.sealed_token)
            if known is None:
                raise ForbiddenError(
                    _("The token for the other hub cannot be read any more."),
                    fix=_("Start the import again with the token."),
                )
            token = known
        return Remote(self._settings, upstream, Source(self._job.kind, self._job.source), token)

    async def _pin(self, remote: Remote) -> str:
        """Write down which commit is brought in, and its files."""
        commit = await remote.commit(self._job.revision)
        files = await remote.files(commit)
        async with self._database.transaction() as db:
            job = await self._lock(db)
            rows = [vars(file) for file in files]
            await queries.add_files(db, job.id, rows)
            job.source_commit = commit
            job.files_total = len(files)
            job.bytes_total = sum(file.size for file in files)
        return commit

    async def _lock(self, db: AsyncSession) -> Import:
        job = await queries.lock_run(db, self._job.id, self._job.attempt)
        if job is None:
            raise LostError
        return job

    async def _repository(self, db: AsyncSession, viewer: Viewer) -> Repository:
        """Return the repository to fill, made if it is not there yet."""
        job = await self._lock(db)
        private = job.private
        if private is None and job.sealed_token is not None:
            # What only a token opens there must not be open to everybody here by accident.
            private = True
        try:
            found = await hub_policy.access_for_write(
                db, viewer, job.kind, job.owner_name, job.name
            )
        except NotFoundError:
            found = await hub.create_repository(
                db, self._storage, viewer, job.kind, job.owner_name, job.name, private=private
            )
        job.repository_id = found.id
        return found

    async def _receive(self, receiver: Receiver, files: Sequence[ImportFile]) -> None:
        done = [file for file in files if file.is_done]
        self._progress.files_done = len(done)
        self._progress.bytes_done = sum(file.size for file in done)
        missing = [
            RemoteFile(file.path, file.size, file.oid, file.sha256)
            for file in files
            if not file.is_done
        ]
        for group in _groups([file for file in missing if is_small(file)]):
            await receiver.small(group)
        for file in missing:
            if not is_small(file):
                await receiver.large(file)

    async def _commit(self, db: AsyncSession, viewer: Viewer, remote: Remote, commit: str) -> None:
        """Commit what came and end the import, both or neither."""
        job = await self._lock(db)
        repository = await hub_policy.access_by_id(db, viewer, job.repository_id or 0)
        if not await hub_policy.may_write(db, viewer, repository):
            raise hub_policy.forbidden()
        operations = await self._operations(db, repository)
        made = repository.head
        if operations:
            new = NewCommit(
                message=f"Import {job.source} from {job.upstream}",
                author=Author(viewer.name, viewer.user_id),
                operations=operations,
                description=f"Source: {remote.page}\nRevision: {job.revision}\nCommit: {commit}",
                as_is=True,
            )
            made = (await hub.commit(db, self._storage, repository, new)).oid
        ended = await queries.end(
            db, job.id, job.attempt, ImportState.SUCCEEDED, {**self.told(), "commit": made}
        )
        if not ended:
            raise LostError

    async def _operations(self, db: AsyncSession, repository: Repository) -> list[Operation]:
        """Return what `main` lacks of the pinned commit, and what an earlier import left over."""
        files = await queries.files_of(db, self._job.id)
        here = {file.path: file for file in await hub.list_files(db, repository, MAIN)}
        operations: list[Operation] = [_addition(file) for file in files if _differs(file, here)]
        earlier = await queries.last_import_of(db, repository.id)
        if earlier is not None:
            wanted = {file.path for file in files}
            brought = {file.path for file in await queries.files_of(db, earlier.id)}
            gone = sorted(brought & here.keys() - wanted)
            operations += [DeleteFile(path) for path in gone]
        return operations


def _differs(file: ImportFile, here: dict[str, TreeFile]) -> bool:
    known = here.get(file.path)
    if known is None:
        return True
    return known.lfs_sha256 != file.sha256 if file.sha256 else known.oid != file.oid


def _addition(file: ImportFile) -> Operation:
    if file.sha256 is not None:
        return AddStored(file.path, file.sha256, file.size)
    return AddBlob(file.path, file.oid)


def _groups(files: Sequence[RemoteFile]) -> Iterator[Sequence[RemoteFile]]:
    """Yield small files in groups that fit into memory together."""
    group: list[RemoteFile] = []
    for file in files:
        full = len(group) == _AT_ONCE or sum(f.size for f in group) + file.size > _AT_ONCE_BYTES
        if group and full:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


async def _viewer(db: AsyncSession, user_id: int) -> Viewer:
    """Return the person an import works for, with their rights as they are now."""
    person = await accounts.person(db, user_id)
    if person.user.is_suspended:
        raise ForbiddenError(_("This account is suspended."))
    organizations = await accounts.organizations_of(db, user_id)
    return Viewer(
        user_id=user_id,
        name=person.account.name,
        scopes=WRITE_SCOPES,
        organization_ids=frozenset(account.id for account, _role in organizations),
    )
