"""Publishing: the result of a job becomes a model repository, with its card and its lineage."""

import re
from collections.abc import Sequence
from typing import Any

import structlog
import yaml

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import ConflictError, NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore, Digest
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import AddFile, AddStored, Author, NewCommit, Operation, RepositoryKind
from app.jobs.events import JobPublished
from app.jobs.queries import history
from app.jobs.queries import jobs as job_queries
from app.jobs.schemas import PublishedOut, PublishIn
from app.jobs.service import curves, news
from app.jobs.service.files import storage_key
from app.jobs.states import JobState
from app.jobs.tables import Artifact, Job, JobInput

log = structlog.get_logger(__name__)

CARD = "README.md"
CURVES = "curves.json"
# Explanations show samples of the data set, which are not the model's to give away.
_NOT_PUBLISHED = ("checkpoint", "log", "explanation")
_TEXT_BYTES = 1 << 20
_TEXTS = (".json", ".md", ".txt", ".yaml", ".yml", ".csv")
_FRONT = re.compile(r"\A---\n(.*?)\n---\n?(.*)\Z", re.DOTALL)


class Publisher:
    """Publishes jobs on behalf of one viewer."""

    def __init__(self, db: AsyncSession, storage: BlobStore, viewer: Viewer) -> None:
        self._db = db
        self._storage = storage
        self._viewer = viewer

    async def publish(self, job: Job, wanted: PublishIn) -> PublishedOut:
        """Make a model repository of the job's result.

        Raises:
            ConflictError: the job has no result, or was published, or the name is taken.
            ForbiddenError: the viewer may not create a repository there.
        """
        await job_queries.lock(self._db, f"jobs.publish:{job.id}")
        job = await job_queries.job_by_id(self._db, job.id) or job
        inputs = await job_queries.inputs_of(self._db, [job.id])
        await self._require_publishable(job)
        files = await self._result_files(job)
        private = wanted.private if wanted.private is not None else await self._is_private(inputs)
        repository = await hub.create_repository(
            self._db,
            self._storage,
            self._viewer,
            RepositoryKind.MODEL,
            wanted.owner,
            wanted.name,
            private=private,
        )
        user_id = self._viewer.require_user()
        operations: list[Operation] = []
        stored: list[tuple[str, Digest]] = []
        for file in files:
            if file.path in {CARD, CURVES}:
                continue
            operation = await self._operation(file)
            if isinstance(operation, AddStored):
                stored.append((storage_key(file.sha256), Digest(file.sha256, file.size)))
            operations.append(operation)
        await hub.link_received(self._db, repository, user_id, stored)
        name = f"{repository.owner_name}/{repository.name}"
        license_ = wanted.license or await self._license(inputs)
        operations.append(AddFile(CARD, await self._card(job, inputs, files, name, license_)))
        operations.append(AddFile(CURVES, await self._curves(job)))
        message = f"Publish the result of job {job.id}"
        author = Author(self._viewer.name, user_id)
        made = await hub.commit(
            self._db, self._storage, repository, NewCommit(message, author, operations, as_is=True)
        )
        await job_queries.set_published(self._db, job.id, repository.id)
        published = PublishedOut(repo=name, url=f"/{name}", commit=made.oid, private=private)
        await news.record(self._db, job, news.JOB_PUBLISHED, {"repo": name, "commit": made.oid})
        emit(self._db, JobPublished(job.id, repository.id))
        log.info("job_published", job_id=job.id, repository_id=repository.id)
        return published

    async def _require_publishable(self, job: Job) -> None:
        if job.state is not JobState.SUCCEEDED:
            raise ConflictError(_("Only the result of a job that succeeded can be published."))
        if job.published_repository_id is None:
            return
        name = await published_name(self._db, self._viewer, job)
        raise ConflictError(
            _("This job was published already, as %(name)s.") % {"name": name or "?"},
            fix=_("Delete that repository first, or run the job again."),
            code="already_published",
        )

    async def _result_files(self, job: Job) -> list[Artifact]:
        files = await history.artifacts_of(self._db, job.id)
        found = [
            file
            for file in files
            if file.attempt == job.attempt and file.kind not in _NOT_PUBLISHED
        ]
        if not any(file.kind == "weights" for file in found):
            raise ConflictError(_("This job left no weights, so there is nothing to publish."))
        return found

    async def _operation(self, file: Artifact) -> Operation:
        if file.size <= _TEXT_BYTES and file.path.endswith(_TEXTS):
            return AddFile(file.path, await self._storage.read_all(storage_key(file.sha256)))
        return AddStored(file.path, file.sha256, file.size)

    async def _is_private(self, inputs: Sequence[JobInput]) -> bool:
        """Whether anything the model was made of is not public, or cannot be told any more."""
        for item in inputs:
            try:
                repository = await hub_policy.access_by_id(
                    self._db, self._viewer, item.repository_id or 0
                )
            except NotFoundError:
                return True
            if repository.private:
                return True
        return False

    async def _license(self, inputs: Sequence[JobInput]) -> str:
        for item in inputs:
            if item.role == "base" and item.repository_id is not None:
                try:
                    base = await hub_policy.access_by_id(self._db, self._viewer, item.repository_id)
                except NotFoundError:
                    return ""
                return base.license
        return ""

    async def _card(  # what it tells of, in the order of the card
        self,
        job: Job,
        inputs: Sequence[JobInput],
        files: Sequence[Artifact],
        name: str,
        license_: str,
    ) -> bytes:
        written = next((file for file in files if file.path == CARD), None)
        text = ""
        if written is not None and written.size <= _TEXT_BYTES:
            text = (await self._storage.read_all(storage_key(written.sha256))).decode(
                "utf-8", "replace"
            )
        matter, body = split_card(text)
        matter = front_matter(matter, job, inputs, name, license_)
        heading = yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)
        return f"---\n{heading}---\n{body}".encode()

    async def _curves(self, job: Job) -> bytes:
        found = await curves.curves(self._db, job)
        return found.model_dump_json().encode()


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """Return the front matter of the card a worker wrote, and the text below it."""
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    try:
        matter = yaml.safe_load(match.group(1))
    except yaml.YAMLError:
        return {}, match.group(2)
    return (matter if isinstance(matter, dict) else {}), match.group(2)


def front_matter(
    matter: dict[str, Any], job: Job, inputs: Sequence[JobInput], name: str, license_: str
) -> dict[str, Any]:
    """Return the card's front matter with licence, lineage, and numbers marked as measured here."""
    first: dict[str, Any] = {"license": license_} if license_ else {}
    matter = first | matter
    for entry in _objects(matter.get("model-index")):
        entry["name"] = name.partition("/")[2]
        for result in _objects(entry.get("results")):
            for metric in _objects(result.get("metrics")):
                metric["verified"] = True
    matter["lineage"] = {
        "job": job.id,
        "plan_hash": job.plan_hash,
        **{item.role: f"{item.name}@{item.commit}" for item in inputs},
    }
    return matter


def _objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; what a card holds is not to be relied on."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


async def published_name(db: AsyncSession, viewer: Viewer, job: Job) -> str | None:
    """Return `owner/name` of the model a job was published as, as far as the viewer may know."""
    if job.published_repository_id is None:
        return None
    try:
        repository = await hub_policy.access_by_id(db, viewer, job.published_repository_id)
    except NotFoundError:
        return None
    return f"{repository.owner_name}/{repository.name}"


async def owner_name(db: AsyncSession, job: Job) -> str:
    """Return the name of the job's owner."""
    refs = await accounts.account_refs(db, [job.owner_id])
    return refs[job.owner_id].name
