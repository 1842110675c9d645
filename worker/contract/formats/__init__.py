"""The formats of data sets, one module each; adding one means adding it to the list here."""

from worker.contract.formats import (
    acl_imdb,
    arrays,
    audio,
    chat,
    coco,
    conll,
    image_folder,
    image_table,
    interactions,
    masks,
    parquet_media,
    squad,
    text_table,
    voc,
    yolo,
)
from worker.contract.formats.base import Format

FORMATS: tuple[Format, ...] = (
    arrays.IDX,
    arrays.CIFAR,
    arrays.NPZ,
    parquet_media.IMAGES,
    parquet_media.SOUNDS,
    yolo.FORMAT,
    coco.FORMAT,
    voc.FORMAT,
    masks.FORMAT,
    squad.FORMAT,
    interactions.FORMAT,
    conll.FORMAT,
    chat.FORMAT,
    image_table.FORMAT,
    audio.TABLE_FORMAT,
    text_table.FORMAT,
    image_folder.FORMAT,
    audio.FOLDER,
    acl_imdb.FORMAT,
)
