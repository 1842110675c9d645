"""Fetches what an attempt needs with the stock hub client: `python -m worker.hub_client`.

Runs as a process of its own, so that a cancelled job can stop a long download at once and the hub
client never shares memory with the worker key. The request comes as one JSON line on standard
input (the job token among it, so that it shows in no process list), the answer is the exit status:
0 done, 3 the job cannot run (`failure.json` says why), anything else: try again later.
"""

import errno
import hashlib
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urljoin

import httpx
from pydantic import BaseModel

from worker.archive import MANY_FILES, bound_archives, fetch_archive
from worker.contract.attempt import EXIT_FAILED, EXIT_OK, FAILURE_FILE
from worker.contract.failures import FailureCode, RunError
from worker.contract.protocol import CheckpointFile, RepositoryPin
from worker.site_client import is_loopback

_CHUNK = 1024 * 1024
_GONE = {401, 403, 404}


class FetchRequest(BaseModel):
    """Where to fetch from and to. `output` gets a folder for each role, and `resume`."""

    url: str
    token: str
    cache: Path
    cache_bytes: int
    output: Path
    repositories: tuple[RepositoryPin, ...] = ()
    checkpoint: tuple[CheckpointFile, ...] = ()


def fetch_repository(request: FetchRequest, pin: RepositoryPin) -> None:
    """Download a pinned revision into the cache and lay its files out under `output/role`.

    Raises:
        RunError: the revision does not exist, or this job may not read it.
    """
    # Imported here: the library reads its environment once, when it is first imported.
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        # A commit that is in the cache would be used without a word to the site; asking first
        # keeps a repository closed that was deleted or made private since.
        info = HfApi(endpoint=request.url, token=request.token).repo_info(
            pin.repo, repo_type=pin.kind, revision=pin.commit
        )
        snapshot = _many_files(request, pin, len(getattr(info, "siblings", None) or ()))
        if snapshot is None:
            snapshot = Path(
                snapshot_download(
                    pin.repo,
                    repo_type=pin.kind,
                    revision=pin.commit,
                    cache_dir=request.cache,
                    endpoint=request.url,
                    token=request.token,
                    max_workers=4,
                )
            )
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        is_base = pin.kind == "model"
        code = FailureCode.BASE_NOT_FOUND if is_base else FailureCode.DATA_NOT_FOUND
        raise RunError(code, f"{pin.repo} at {pin.commit}") from error
    lay_out(snapshot, request.output / pin.role)


def _many_files(request: FetchRequest, pin: RepositoryPin, num_files: int) -> Path | None:
    """Return a revision of many files from one stream; None where the stock client is to do it."""
    if num_files <= MANY_FILES:
        return None
    try:
        return fetch_archive(request.url, request.token, pin, request.cache, num_files)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return None  # a site of an older version has no such stream


def lay_out(snapshot: Path, target: Path) -> None:
    """Give `target` the files of a snapshot as hard links, so that no link leads out of it."""
    target.mkdir(parents=True, exist_ok=True)
    for folder, _, names in os.walk(snapshot):
        here = target / Path(folder).relative_to(snapshot)
        here.mkdir(exist_ok=True)
        for name in names:
            blob = (Path(folder) / name).resolve()
            # A fetch that was cut short and is tried again finds its own links here.
            (here / name).unlink(missing_ok=True)
            try:
                (here / name).hardlink_to(blob)
            except OSError:
                shutil.copyfile(blob, here / name)


def fetch_checkpoint(request: FetchRequest) -> None:
    """Download the checkpoint to resume from into `output/resume` and verify every file.

    Raises:
        RunError: a file is missing or differs from what was stored.
    """
    with httpx.Client(
        headers={"Authorization": f"Bearer {request.token}"},
        timeout=httpx.Timeout(60.0, connect=5.0),
        trust_env=not is_loopback(request.url),
        follow_redirects=True,
    ) as client:
        for file in request.checkpoint:
            target = request.output / "resume" / within_checkpoint(file.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            _download(client, urljoin(request.url + "/", file.url), target, file)


def within_checkpoint(path: str) -> str:
    """Return a stored path without its `checkpoints/NAME/`, if it has it."""
    parts = path.split("/")
    if parts[0] == "checkpoints" and len(parts) > 2:  # noqa: PLR2004 - folder, name, file
        return "/".join(parts[2:])
    return path


def _download(client: httpx.Client, url: str, target: Path, file: CheckpointFile) -> None:
    digest = hashlib.sha256()
    with client.stream("GET", url) as response, target.open("wb") as stream:
        if response.status_code in _GONE:
            raise RunError(FailureCode.CHECKPOINT_INVALID, f"{file.path} is missing")
        response.raise_for_status()
        for chunk in response.iter_bytes(_CHUNK):
            digest.update(chunk)
            stream.write(chunk)
    if digest.hexdigest() != file.sha256:
        raise RunError(FailureCode.CHECKPOINT_INVALID, f"{file.path} differs from what was stored")


def bound_cache(cache: Path, limit_bytes: int) -> None:
    """Delete the repositories that were used longest ago until the cache fits its limit."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        known = scan_cache_dir(cache)
    except CacheNotFound:
        return
    size = known.size_on_disk
    for repository in sorted(known.repos, key=lambda one: one.last_accessed):
        if size <= limit_bytes:
            return
        shutil.rmtree(repository.repo_path, ignore_errors=True)
        size -= repository.size_on_disk


def fetch(request: FetchRequest) -> int:
    """Fetch everything and return the exit status, writing `failure.json` where it is 3."""
    try:
        for pin in request.repositories:
            fetch_repository(request, pin)
        if request.checkpoint:
            fetch_checkpoint(request)
        bound_cache(request.cache, request.cache_bytes)
        bound_archives(request.cache, request.cache_bytes)
    except RunError as error:
        _write_failure(request, error)
        return EXIT_FAILED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _write_failure(request, RunError(FailureCode.DISK_FULL))
        return EXIT_FAILED
    return EXIT_OK


def _write_failure(request: FetchRequest, error: RunError) -> None:
    failure = error.failure().model_dump_json()
    (request.output / FAILURE_FILE).write_text(failure, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(fetch(FetchRequest.model_validate_json(sys.stdin.readline())))
