"""Reads what a fenced process left, without following it anywhere else."""

import os
from pathlib import Path

_LARGEST_JSON = 64 * 1024 * 1024


class OutsideError(OSError):
    """A path that a process named leads out of its own folder."""


def inside(root: Path, relative: str | Path) -> Path:
    """Return the real path of `relative` below `root`.

    Raises:
        OutsideError: it leads elsewhere, by `..` or by a link.
    """
    path = (root / relative).resolve()
    if not path.is_relative_to(root.resolve()):
        raise OutsideError(f"{relative} leads out of {root.name}")
    return path


def read_text(root: Path, relative: str | Path) -> str:
    """Return the text of a file that a process left below `root`.

    Raises:
        OSError: it is missing, not a plain file, elsewhere, or absurdly large.
    """
    path = inside(root, relative)
    if not path.is_file() or path.stat().st_size > _LARGEST_JSON:
        raise OutsideError(f"{relative} is not a plain file of a sensible size")
    return path.read_text(encoding="utf-8", errors="replace")


def files_below(folder: Path) -> list[Path]:
    """Return the plain files below a folder, sorted; links are left out."""
    found = [Path(here) / name for here, _, names in os.walk(folder) for name in names]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def hold(source: Path, target: Path) -> bool:
    """Give `target` the files of `source` as hard links; False when `source` is gone."""
    files = files_below(source)
    try:
        for file in files:
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            copy.hardlink_to(file)
    except FileNotFoundError:
        return False
    return bool(files)
