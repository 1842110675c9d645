"""The formats of data sets, one module each; adding one means adding it to the list here."""

from worker.contract.formats import (
    chat,
    conll,
    image_folder,
    image_table,
    interactions,
    squad,
    text_table,
)
from worker.contract.formats.base import Format

FORMATS: tuple[Format, ...] = (
    squad.FORMAT,
    interactions.FORMAT,
    conll.FORMAT,
    chat.FORMAT,
    image_table.FORMAT,
    text_table.FORMAT,
    image_folder.FORMAT,
)
