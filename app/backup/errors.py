"""What can go wrong with backups."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path


class BackupError(Exception):
    """Nothing was kept or brought back; the message says why and what to do."""


@contextlib.contextmanager
def told_when_full(folder: Path) -> Iterator[None]:
    """Say which disk is full instead of an error number.

    Raises:
        BackupError: no room was left below `folder`.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise no_room(folder) from error


def no_room(folder: Path, needed: str = "") -> BackupError:
    """Return the error for a disk without room."""
    wish = f" (about {needed} are needed)" if needed else ""
    return BackupError(
        f"There is no room left at {folder}{wish}. Nothing was kept of this try; earlier backups "
        "are whole. Free space, remove old backups with `tuningfork backup prune --keep N`, or "
        "choose another disk with --to."
    )
