"""The worker's side of the HTTP protocol: one class for the worker, one for an attempt."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, JsonValue, ValidationError

from worker.contract.predictions import (
    PredictionAnswer,
    PredictionClaim,
    PredictionClaimRequest,
)
from worker.contract.protocol import (
    KIND_HEADER,
    SHA256_HEADER,
    STALE_ATTEMPT,
    ArtifactKind,
    CheckpointManifest,
    Claim,
    ClaimRequest,
    EventBatch,
    EventsReply,
    Fail,
    Finish,
    Heartbeat,
    HeartbeatReply,
    Registered,
    Registration,
    Release,
    StoredFile,
)

_CHUNK = 1024 * 1024
_PREFIX = "/api/v1/worker"
_PREDICTIONS = f"{_PREFIX}/predictions"
T = TypeVar("T", bound=BaseModel)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class SiteError(Exception):
    """The site did not do what was asked."""


class UnreachableError(SiteError):
    """No usable answer; trying again later helps.

    `database_away` means the site itself answered that its database is down: then no lease can be
    given to anybody else either.
    """

    def __init__(self, message: str, *, database_away: bool = False) -> None:
        super().__init__(message)
        self.database_away = database_away


class StaleAttemptError(SiteError):
    """This attempt is no longer the current one: stop at once and write nothing more."""


class RefusedError(SiteError):
    """The site understood and refused; the same request will never be accepted."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def is_loopback(url: str) -> bool:
    """Whether the site runs on this machine; then no proxy of the environment is used."""
    return urlsplit(url).hostname in _LOOPBACK


def _client(url: str, credential: str) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {credential}"},
        timeout=httpx.Timeout(15.0, connect=5.0),
        trust_env=not is_loopback(url),
    )


def _problem(response: httpx.Response) -> tuple[str, str]:
    try:
        body = response.json()
    except ValueError:
        return "", f"HTTP {response.status_code}"
    if not isinstance(body, dict):
        return "", f"HTTP {response.status_code}"
    return str(body.get("code", "")), str(body.get("error", f"HTTP {response.status_code}"))


def _raise_for(response: httpx.Response) -> None:
    status = response.status_code
    if status < httpx.codes.MULTIPLE_CHOICES:
        return
    code, message = _problem(response)
    if status == httpx.codes.CONFLICT and code == STALE_ATTEMPT:
        raise StaleAttemptError(message)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in {
        httpx.codes.TOO_MANY_REQUESTS,
        httpx.codes.REQUEST_TIMEOUT,
    }:
        away = status == httpx.codes.SERVICE_UNAVAILABLE and code == "unavailable"
        raise UnreachableError(f"HTTP {status}: {message}", database_away=away)
    raise RefusedError(status, f"HTTP {status}: {message}")


def _send(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    try:
        response = client.send(request)
    except httpx.HTTPError as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from error
    _raise_for(response)
    return response


def _read(schema: type[T], response: httpx.Response) -> T:
    try:
        return schema.model_validate_json(response.content)
    except ValidationError as error:
        # A proxy's page or half a body: not the site's own words, so trying again may help.
        raise UnreachableError(f"The answer was not a {schema.__name__}: {error}") from error


class SiteClient:
    """Registers and claims with the worker key.

    Every method raises `UnreachableError` when trying again helps, `RefusedError` when not.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._http = _client(url, key)

    def register(self, registration: Registration) -> Registered:
        """Introduce this worker."""
        return _read(Registered, self._post("register", registration))

    def claim(self, request: ClaimRequest) -> Claim | None:
        """Return a job to run, or None when there is none."""
        response = self._post("claim", request)
        if response.status_code == httpx.codes.NO_CONTENT:
            return None
        return _read(Claim, response)

    def _post(self, name: str, body: BaseModel) -> httpx.Response:
        request = self._http.build_request(
            "POST", f"{_PREFIX}/{name}", json=body.model_dump(mode="json")
        )
        return _send(self._http, request)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AttemptClient:
    """Speaks for one attempt with its job token; safe to use from several threads.

    Every method also raises `StaleAttemptError` once the attempt is not the current one.
    """

    def __init__(self, url: str, claim: Claim) -> None:
        self.url = url
        self._http = _client(url, claim.token)
        self._path = f"{_PREFIX}/jobs/{claim.job_id}/attempts/{claim.attempt}"

    def heartbeat(self, progress: float | None, timeout_s: float) -> HeartbeatReply:
        """Make the lease longer."""
        body = Heartbeat(progress=progress)
        return _read(HeartbeatReply, self._post("heartbeat", body, timeout_s))

    def events(self, events: tuple[dict[str, JsonValue], ...]) -> EventsReply:
        """Store a batch of numbered events; sending one twice is harmless."""
        return _read(EventsReply, self._post("events", EventBatch(events=events)))

    def put_artifact(self, path: str, file: Path, kind: ArtifactKind) -> StoredFile:
        """Upload a file and return its verified hash and size; the same file twice is harmless.

        Raises:
            FileNotFoundError: the file is gone.
        """
        sha256, size = hash_file(file)
        request = self._http.build_request(
            "PUT",
            f"{self._path}/artifacts/{quote(path)}",
            content=_chunks(file),
            headers={
                "Content-Length": str(size),
                "Content-Type": "application/octet-stream",
                SHA256_HEADER: sha256,
                KIND_HEADER: kind.value,
            },
            timeout=httpx.Timeout(60.0, connect=5.0),
        )
        self._send(request)
        return StoredFile(path=path, sha256=sha256, size=size, kind=kind)

    def checkpoint(self, manifest: CheckpointManifest) -> None:
        """Make a stored checkpoint one that the next attempt may resume from."""
        self._post("checkpoints", manifest)

    def finish(self, finish: Finish) -> None:
        """End the job with a result."""
        self._post("finish", finish, 60.0)

    def fail(self, fail: Fail) -> None:
        """End the job with a failure."""
        self._post("fail", fail)

    def release(self, release: Release) -> None:
        """Give the job back without charging the attempt."""
        self._post("release", release)

    def cancelled(self) -> None:
        """Confirm that the cancelled job runs no more."""
        self._post("cancelled", None)

    def _post(
        self, name: str, body: BaseModel | None, timeout_s: float | None = None
    ) -> httpx.Response:
        request = self._http.build_request(
            "POST",
            f"{self._path}/{name}",
            json={} if body is None else body.model_dump(mode="json"),
            timeout=httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s,
        )
        return self._send(request)

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return _send(self._http, request)
        except RefusedError as error:
            # A job token dies with its attempt, so a door that no longer knows it says the same.
            if error.status in {401, 403, 404}:
                raise StaleAttemptError(str(error)) from error
            raise

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class PredictionClient:
    """Fetches and answers what people try models on; speaks with the worker key."""

    def __init__(self, url: str, key: str) -> None:
        self._http = _client(url, key)

    def claim(self, request: PredictionClaimRequest) -> PredictionClaim | None:
        """Return a request to answer, or None when nobody asked within its time."""
        response = self._post("claim", request, request.wait_s + 15.0)
        if response.status_code == httpx.codes.NO_CONTENT:
            return None
        return _read(PredictionClaim, response)

    def fetch(self, claim_id: int, path: str, target: Path) -> None:
        """Write a file of the claimed request's model."""
        address = f"{_PREDICTIONS}/{claim_id}/files/{quote(path)}"
        try:
            with self._http.stream("GET", address, timeout=60.0) as response:
                if response.is_error:
                    response.read()
                _raise_for(response)
                with target.open("wb") as file:
                    for block in response.iter_bytes(_CHUNK):
                        file.write(block)
        except httpx.HTTPError as error:
            raise UnreachableError(f"{type(error).__name__}: {error}") from error

    def answer(self, claim_id: int, answer: PredictionAnswer) -> None:
        """Say what the model made of it."""
        self._post(f"{claim_id}/answer", answer, 15.0)

    def _post(self, name: str, body: BaseModel, timeout_s: float) -> httpx.Response:
        request = self._http.build_request(
            "POST",
            f"{_PREDICTIONS}/{name}",
            json=body.model_dump(mode="json"),
            timeout=timeout_s,
        )
        return _send(self._http, request)

    def close(self) -> None:
        """Close the connections; a waiting claim ends."""
        self._http.close()


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def hash_file(file: Path) -> tuple[str, int]:
    """Return the sha256 (hex) and the size of a file."""
    digest = hashlib.sha256()
    size = 0
    for chunk in _chunks(file):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
