"""What the search does for the rest of the site; other features call these and nothing deeper."""

from app.search.service.finding import MOST_PAGES, PAGE, search
from app.search.service.indexing import catch_up, put

__all__ = ["MOST_PAGES", "PAGE", "catch_up", "put", "search"]
