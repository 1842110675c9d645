"""What tutorials do for the rest of the site; the modules beside this one hold the functions."""

from app.tutorials.service.erasing import erase_person
from app.tutorials.service.holding import hold, hold_all_of, release, spots
from app.tutorials.service.news import happened_between
from app.tutorials.service.publishing import parse_text, publish, publish_starter
from app.tutorials.service.reading import (
    changed_since,
    is_shown,
    newest,
    newest_texts,
    published_ids,
    read,
)

__all__ = [
    "changed_since",
    "erase_person",
    "happened_between",
    "hold",
    "hold_all_of",
    "is_shown",
    "newest",
    "newest_texts",
    "parse_text",
    "publish",
    "publish_starter",
    "published_ids",
    "read",
    "release",
    "spots",
]
