"""What tutorials do for the rest of the site; the modules beside this one hold the functions."""

from app.tutorials.service.erasing import erase_person
from app.tutorials.service.publishing import parse_text, publish, publish_starter
from app.tutorials.service.reading import (
    changed_since,
    newest,
    newest_texts,
    published_ids,
    read,
)

__all__ = [
    "changed_since",
    "erase_person",
    "newest",
    "newest_texts",
    "parse_text",
    "publish",
    "publish_starter",
    "published_ids",
    "read",
]
