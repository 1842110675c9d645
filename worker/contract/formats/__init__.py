"""The formats of data sets, one module each; adding one means adding it to the list here."""

from worker.contract.formats import image_folder, image_table
from worker.contract.formats.base import Format

FORMATS: tuple[Format, ...] = (
    image_table.FORMAT,
    image_folder.FORMAT,
)
