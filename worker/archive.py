"""Fetches a revision of many small files as one tar stream, and keeps it for the next job.

The stock hub client asks twice for every file, which for a folder of thousands of pictures takes
minutes; the stream takes as long as the bytes do.
"""

import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx

from worker.contract.protocol import RepositoryPin
from worker.site_client import is_loopback

# With fewer files the stock client is as fast, and its cache shares them between revisions.
MANY_FILES = 64
_CHUNK = 1024 * 1024


class _Stream:
    """The file that `tarfile` reads, over the chunks of an answer."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def fetch_archive(url: str, token: str, pin: RepositoryPin, cache: Path, num_files: int) -> Path:
    """Return a folder below `cache` with every file of the pinned revision.

    Raises:
        OSError: the stream ended early or the disk is full; the next attempt starts afresh.
        httpx.HTTPError: the site did not answer as it should.
    """
    target = cache / "archives" / f"{pin.kind}-{pin.commit}"
    if target.is_dir():
        os.utime(target)  # so that the least recently used is found
        return target
    scratch = target.with_suffix(f".{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    address = f"{url}/api/v1/repos/{pin.kind}s/{pin.repo}/archive/{pin.commit}.tar"
    with (
        httpx.Client(
            timeout=httpx.Timeout(60.0, connect=5.0), trust_env=not is_loopback(url)
        ) as client,
        client.stream("GET", address, headers={"Authorization": f"Bearer {token}"}) as answer,
    ):
        answer.raise_for_status()
        with tarfile.open(fileobj=_Stream(answer.iter_bytes(_CHUNK)), mode="r|") as archive:  # type: ignore[call-overload]  # needs no more than read
            archive.extractall(scratch, filter="data")
    found = sum(len(names) for _, _, names in os.walk(scratch))
    if found != num_files:
        raise OSError(f"{found} of {num_files} files of {pin.repo} arrived")
    scratch.rename(target)
    return target


def bound_archives(cache: Path, limit_bytes: int) -> None:
    """Delete the archives that were used longest ago until they fit the limit."""
    kept = 0
    folders = [path for path in (cache / "archives").glob("*") if path.is_dir()]
    for folder in sorted(folders, key=lambda path: -path.stat().st_mtime):
        kept += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if kept > limit_bytes:
            shutil.rmtree(folder, ignore_errors=True)
