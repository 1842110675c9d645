"""From an input to what a model makes of it: asked here, answered by a worker, waited for."""

import time
from collections.abc import Sequence

import structlog

from app.core.db import AsyncSession, Database
from app.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.core.wakeups import Wakeups
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import FileHandle, RepositoryKind, TreeFile
from app.playground import queries
from app.playground.tables import PredictionRequest
from worker.contract.predictions import (
    INPUTS,
    MODEL_FILES,
    NEEDED_FILES,
    InputKind,
    ModelFile,
    Prediction,
    PredictionAnswer,
    PredictionClaim,
    PredictionInput,
    Problem,
)

log = structlog.get_logger(__name__)

# The name under which workers wait for requests; answers are waited for by their number.
WAITING = "playground:asked"
# The first request of a model brings it to the worker and opens it.
LIFETIME_S = 90.0
# So long a request may lie before a worker takes it.
UNTAKEN_S = 12.0
_MOST_WAITING = 20


def input_kind(task: str) -> InputKind | None:
    """Return what models for a task are tried on; None where they cannot be tried."""
    return INPUTS.get(task)


class Asker:
    """Lets one viewer try models."""

    def __init__(self, database: Database, wakeups: Wakeups, viewer: Viewer) -> None:
        self._database = database
        self._wakeups = wakeups
        self._viewer = viewer

    async def ask(self, owner: str, name: str, given: PredictionInput) -> Prediction:
        """Return what a model makes of an input.

        Raises:
            NotFoundError: there is no such model, as far as the viewer may know.
            InvalidError: the input is not what this model reads.
            ConflictError: the model cannot be run.
            UnavailableError: no worker answers in time.
        """
        number = await self._store(owner, name, given)
        try:
            answer = await self._answer(number)
        finally:
            async with self._database.transaction() as db:
                await queries.remove(db, number)
        if answer.problem is not None:
            raise _told(answer.problem)
        if answer.prediction is None:
            raise _busy()
        return answer.prediction

    async def _store(self, owner: str, name: str, given: PredictionInput) -> int:
        async with self._database.transaction() as db:
            repository = await hub_policy.access_for_files(
                db, self._viewer, RepositoryKind.MODEL, owner, name
            )
            _check_input(repository.task, given)
            files = await model_files(db, repository)
            if files is None:
                raise _not_runnable()
            if await queries.count_waiting(db) >= _MOST_WAITING:
                raise _busy()
            values = {
                "repository_id": repository.id,
                "commit": repository.head,
                "task": repository.task,
                "texts": {"text": given.text, "question": given.question},
                "content": given.content,
            }
            number = await queries.add(db, values, LIFETIME_S)
        self._wakeups.wake(WAITING)
        return number

    async def _answer(self, number: int) -> PredictionAnswer:
        began_at = time.monotonic()
        with self._wakeups.listen(_answered(number)) as listener:
            while True:
                async with self._database.transaction() as db:
                    state = await queries.state_of(db, number)
                if state is None:
                    raise _not_runnable()  # the repository was deleted meanwhile
                is_taken, answer = state
                if answer is not None:
                    return PredictionAnswer.model_validate(answer)
                waited_s = time.monotonic() - began_at
                left_s = (LIFETIME_S if is_taken else UNTAKEN_S) - waited_s
                if left_s <= 0:
                    raise _busy()
                await listener.wait(min(left_s, 1.0))


def _answered(number: int) -> str:
    return f"playground:{number}"


def _check_input(task: str, given: PredictionInput) -> None:
    kind = input_kind(task)
    if kind is None:
        raise ConflictError(
            _("Models for this task cannot be tried here."), code="task_not_tryable"
        )
    if kind in {"image", "audio"} and not given.content:
        raise InvalidError(
            _("Choose a picture first.") if kind == "image" else _("Choose a recording first."),
            fix=_("Send the file itself, or a form with it as `file`."),
        )
    if kind in {"text", "question"} and not given.text.strip():
        raise InvalidError(_("Write a text first."))
    if kind == "question" and not given.question.strip():
        raise InvalidError(_("Write a question first."))


async def model_files(db: AsyncSession, repository: hub.Repository) -> Sequence[TreeFile] | None:
    """Return the files a network is rebuilt from; None where one that is needed is missing."""
    if not repository.head:
        return None
    found = await hub.find_paths(db, repository, repository.head, MODEL_FILES, expand=False)
    files = [file for file in found if isinstance(file, TreeFile)]
    has_all = {file.path for file in files} >= set(NEEDED_FILES)
    return files if has_all else None


async def claim(db: AsyncSession) -> PredictionClaim | None:
    """Give the oldest open request to a worker."""
    request = await queries.take(db)
    if request is None:
        return None
    repository = await _repository(db, request)
    found = await hub.find_paths(db, repository, request.commit, MODEL_FILES, expand=False)
    files = [file for file in found if isinstance(file, TreeFile)]
    given = PredictionInput.model_construct(content=request.content, **request.texts)
    return PredictionClaim(
        id=request.id,
        repo=f"{repository.owner_name}/{repository.name}",
        commit=request.commit,
        task=request.task,
        files=tuple(
            ModelFile(path=file.path, size=file.size, digest=file.lfs_sha256 or file.oid)
            for file in files
        ),
        given=given,
        seconds=LIFETIME_S - 5.0,
    )


async def open_file(db: AsyncSession, storage: BlobStore, number: int, path: str) -> FileHandle:
    """Return a file of the model that a request is about.

    Raises:
        NotFoundError: the request is over, or the model has no such file that may be read.
    """
    request = await queries.request_by_id(db, number)
    if request is None or request.taken_at is None or path not in MODEL_FILES:
        raise NotFoundError(_("Nobody waits for this any more."))
    repository = await _repository(db, request)
    return await hub.open_file(db, storage, repository, request.commit, path)


async def _repository(db: AsyncSession, request: PredictionRequest) -> hub.Repository:
    found = await hub.repositories_by_id(db, [request.repository_id])
    if request.repository_id not in found:
        raise NotFoundError(_("Nobody waits for this any more."))
    return found[request.repository_id]


async def answer(db: AsyncSession, number: int, given: PredictionAnswer) -> str:
    """Store an answer and return the name of the wake-up for who waits for it.

    Raises:
        NotFoundError: nobody waits any more.
    """
    if not await queries.save_answer(db, number, given.model_dump(mode="json")):
        raise NotFoundError(_("Nobody waits for this any more."))
    return _answered(number)


def _busy() -> UnavailableError:
    return UnavailableError(
        _("No worker is free to try this model now."),
        fix=_("Try again in a moment. If it stays so, ask who runs this site for a worker."),
        code="busy",
        headers={"Retry-After": "10"},
    )


def _not_runnable() -> ConflictError:
    return ConflictError(
        _("This model has no weights that can be run here."),
        fix=_("A model is tried with its config.json and model.safetensors on the branch main."),
        code="model_unusable",
    )


def _told(problem: Problem) -> InvalidError | ConflictError | UnavailableError:
    """Return the error that tells a person what a worker found."""
    log.info("prediction_failed", code=problem.code, detail=problem.detail)
    if problem.code == "input_unreadable":
        # The worker's sentences are in the catalogue too.
        return InvalidError(_(problem.detail), code="input_unreadable")
    if problem.code == "too_slow":
        return UnavailableError(
            _("The model took too long to answer."),
            fix=_("Try a smaller input, or again when the machine is less busy."),
            code="too_slow",
            headers={"Retry-After": "30"},
        )
    if problem.code == "model_too_large":
        return ConflictError(
            _("This model is larger than what workers of this site hold ready."),
            fix=_("TUNINGFORK_WORKER_PREDICT_BYTES of a worker says how much that is."),
            code="model_too_large",
        )
    return ConflictError(
        _("This model cannot be run here: %(why)s") % {"why": problem.detail},
        code="model_unusable",
    )
