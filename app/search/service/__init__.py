"""What the search does for the rest of the site; other features call these and nothing deeper."""

from app.search.service.addresses import last_number, public_addresses
from app.search.service.erasing import erase_person
from app.search.service.finding import PAGE, search
from app.search.service.indexing import catch_up, put
from app.search.service.suggesting import suggest

__all__ = [
    "PAGE",
    "catch_up",
    "erase_person",
    "last_number",
    "public_addresses",
    "put",
    "search",
    "suggest",
]
