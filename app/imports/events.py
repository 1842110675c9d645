"""News of imports, delivered after the transaction that made it has committed."""

from dataclasses import dataclass

CHANNEL = "imports"


@dataclass(frozen=True)
class ImportQueued:
    """An import waits for somebody to run it."""

    import_id: int
