"""A table that names pictures and their classes."""

from worker.contract.base import N_
from worker.contract.formats.base import IMAGE_SUFFIXES, Files, Format, is_asked
from worker.contract.formats.folders import read_folders
from worker.contract.formats.media_table import MediaTable
from worker.contract.items import Candidate
from worker.contract.recipe import Columns
from worker.contract.tables import SUFFIXES

NAME = "image-table"
TABLE = MediaTable(
    value="image",
    aliases=("file_name", "filename", "path", "image_path", "file", "img", "image_id"),
    suffixes=IMAGE_SUFFIXES,
    missing_code="IMAGE_MISSING",
)


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like a table that names pictures."""
    images = files.ending(*IMAGE_SUFFIXES)
    tables = files.ending(*SUFFIXES)
    if not images or not tables:
        return None
    if is_asked(columns, "image", "label"):
        reason = N_("The recipe names the columns of a table, and there are pictures.")
        return Candidate(format=NAME, score=85, reason=reason)
    best = TABLE.share(files, columns)
    if best is not None and best[2] > 0:
        reason = N_("The column {column} of {table} names pictures that are there.")
        params: dict[str, str | int] = {"column": best[1], "table": best[0]}
        return Candidate(format=NAME, score=70 + int(best[2] * 10), reason=reason, params=params)
    # One folder of pictures beside a table is no class; the table is what needs mending.
    few = len(read_folders(images, ()).labels) <= 1
    reason = N_("There is a table beside the pictures, but it names none of them.")
    return Candidate(format=NAME, score=30 if few else 10, reason=reason)


FORMAT = Format(NAME, "image", detect, TABLE.read)
