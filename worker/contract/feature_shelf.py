"""Features that outlive a run: what one job computed, the next on the same data need not.

A job's process writes into its own folder and only reads the shelf. When it has ended well, whoever
started it puts the new files on the shelf; so no job can change what another one reads.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

# Inside the folder where a run keeps what it computes.
FEATURES_FOLDER = "features"
NUMBERS, FACTS, USED = ".features", ".json", ".used"


@dataclass(frozen=True)
class FeatureShelf:
    """A folder of features that holds `limit_bytes` at most; what was used last stays."""

    folder: Path
    limit_bytes: int

    def put(self, made: Path) -> None:
        """Move the whole features of a run's folder here, and drop what is too much."""
        if not made.is_dir():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for mark in made.glob(f"*{USED}"):
            with contextlib.suppress(FileNotFoundError):
                os.utime(self.folder / f"{mark.stem}{FACTS}")
        for facts in made.glob(f"[!.]*{FACTS}"):
            numbers = made / f"{facts.stem}{NUMBERS}"
            if _is_plain(facts) and _is_plain(numbers):
                numbers.replace(self.folder / numbers.name)
                facts.replace(self.folder / facts.name)
        self.trim()

    def trim(self) -> None:
        """Drop what was not used for longest until the rest fits."""
        left = self.limit_bytes
        for facts in sorted(self.folder.glob(f"*{FACTS}"), key=_used_at, reverse=True):
            numbers = self.folder / f"{facts.stem}{NUMBERS}"
            left -= numbers.stat().st_size if numbers.exists() else 0
            if left < 0:
                # The facts go first: numbers without them are not read.
                facts.unlink(missing_ok=True)
                numbers.unlink(missing_ok=True)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _used_at(facts: Path) -> float:
    try:
        return facts.stat().st_mtime
    except FileNotFoundError:
        return 0.0
