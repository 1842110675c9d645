"""What imports do for the rest of the site."""

from app.imports.service.erasing import erase_person
from app.imports.service.receiving import drop_segments
from app.imports.service.requests import cancel, described, list_imports, retry, start
from app.imports.service.running import ImportRun

__all__ = [
    "ImportRun",
    "cancel",
    "described",
    "drop_segments",
    "erase_person",
    "list_imports",
    "retry",
    "start",
]
