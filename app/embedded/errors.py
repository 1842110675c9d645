"""What can go wrong while the tree is started."""

from pathlib import Path


class StartError(Exception):
    """A part of the tree did not start; the message says why and what to do."""


class AlreadyRunningError(StartError):
    """Another tree holds the data directory."""

    def __init__(self, folder: Path, address: str) -> None:
        self.address = address
        where = f" at {address}" if address else ""
        super().__init__(
            f"Tuningfork already runs on {folder}{where}. "
            f"Stop it with `tuningfork down --data-dir {folder}`."
        )


class RestoringError(StartError):
    """A backup was being brought back into the data directory, and that has not ended."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"A backup was only half brought back into {folder}. "
            "Run the same `tuningfork restore` again; it begins anew by itself."
        )
