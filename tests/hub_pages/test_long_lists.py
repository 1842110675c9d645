"""Lists too long to be read: what the pages say of them is bounded, and true."""

import re

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.hub.background import count_slowly
from tests.factories.accounts import make_user, sign_in

PAGE = {"Accept": "text/html"}
# 10,400 models of two people; one in four is ada's and private. Of every hundred the last has a
# licence of its own, and the last 40 of all, far from the first rows, a library of their own.
_MODELS = """
INSERT INTO hub_repository (kind, owner_id, owner_name, name, name_key, private, created_at,
  updated_at, head, size_bytes, downloads, likes, trending, task, library, license, summary,
  languages, base_models, tags, card, weights, search_text)
SELECT 'model', CASE WHEN n % 4 = 0 THEN :ada ELSE :bob END,
  CASE WHEN n % 4 = 0 THEN 'ada' ELSE 'bob' END, 'net' || n, 'net' || n, n % 4 = 0, now(), now(),
  '', 0, 0, 0, 10400 - n, CASE WHEN n % 2 = 0 THEN 'fill-mask' ELSE 'translation' END,
  CASE WHEN n > 10360 THEN 'keras' ELSE 'timm' END,
  CASE WHEN n % 100 = 99 THEN 'gpl-3.0' ELSE 'mit' END, '', '{}', '{}', '{}', '{}', '{}',
  CASE WHEN n > 10360 THEN ' bob/net scarce' ELSE ' bob/net plenty' END
FROM generate_series(1, 10400) AS n
"""


@pytest.fixture
async def shelf(client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    """Return a visitor's client of a site with 10,400 models, 7,800 of them public."""
    ada, bob = await make_user(database, "ada"), await make_user(database, "bob")
    async with database.transaction() as db:
        await db.execute(text(_MODELS), {"ada": ada.id, "bob": bob.id})
    return client


async def _publish_all(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(text("UPDATE hub_repository SET private = false"))


async def _page(shelf: httpx.AsyncClient, query: str = "") -> str:
    answer = await shelf.get(f"/models?{query}", headers=PAGE)
    assert answer.status_code == 200
    return answer.text


def _total(page: str) -> str:
    found = re.search(r'</h1>\s*<span class="count">([^<]*)</span>', page)
    assert found is not None
    return found[1]


def _count(page: str, value: str) -> str:
    """Return what the filter `value` says it would show."""
    link = rf'={value}"><span>[^<]*</span><span class="count"[^>]*>([^<]*)</span>'
    found = re.search(link, page)
    return found[1] if found is not None else ""


_NARROWED: list[tuple[str, str, dict[str, str]]] = [
    # Rare: found by the indexes, exactly.
    ("library=keras", "30", {"timm": "7.8k", "mit": "29", "gpl-3.0": "1"}),
    ("library=keras&task=fill-mask", "10", {"timm": "1k+", "translation": "20", "mit": "10"}),
    ("library=keras&license=gpl-3.0", "1", {"timm": "50+", "mit": "29"}),
    ("q=scarce", "30", {"keras": "30", "translation": "20", "fill-mask": "10"}),
    ("q=scarce&task=fill-mask", "10", {"keras": "10", "translation": "20"}),
    ("q=nowhere", "0", {"keras": "", "timm": ""}),
    # Common: at least so many.
    ("task=translation", "more than 1k", {"fill-mask": "2.6k", "timm": "1k+"}),
    ("license=gpl-3.0", "more than 50", {"timm": "50+", "mit": "7.7k"}),
    ("q=plenty", "more than 1k", {"timm": "1k+", "keras": ""}),
]


async def test_a_long_list_says_how_it_can_be_narrowed(
    shelf: httpx.AsyncClient, database: Database
) -> None:
    # One site for all of them: ten thousand models take longer to make than to look at.
    await count_slowly(database)
    for query, total, filters in _NARROWED:
        page = await _page(shelf, query)
        assert (query, _total(page)) == (query, total)
        assert (query, {value: _count(page, value) for value in filters}) == (query, filters)


@pytest.mark.parametrize("sort", ["likes", "createdAt", "numParameters"])
async def test_the_order_of_a_list_changes_no_number(shelf: httpx.AsyncClient, sort: str) -> None:
    page = await _page(shelf, f"q=scarce&sort={sort}")
    assert (_total(page), _count(page, "keras")) == ("30", "30")


async def test_private_models_are_counted_for_their_owner_alone(shelf: httpx.AsyncClient) -> None:
    of_visitors = await _page(shelf, "library=keras")
    await sign_in(shelf, "bob")
    of_another = await _page(shelf, "library=keras")
    await sign_in(shelf, "ada")
    of_the_owner = await _page(shelf, "library=keras")
    assert [_total(page) for page in (of_visitors, of_another, of_the_owner)] == ["30", "30", "40"]
    assert _count(of_visitors, "fill-mask") == "10"
    assert _count(of_the_owner, "fill-mask") == "20"


async def test_a_whole_list_beyond_ten_thousand_has_as_many_as_were_counted(
    shelf: httpx.AsyncClient, database: Database
) -> None:
    await count_slowly(database)
    assert _total(await _page(shelf)) == "7.8k"  # few enough to be counted now
    await _publish_all(database)
    assert _total(await _page(shelf)) == "more than 10k"  # more than the last count knows of
    await count_slowly(database)
    assert _total(await _page(shelf)) == "10.4k"


async def test_a_long_list_that_was_never_counted_is_looked_at(shelf: httpx.AsyncClient) -> None:
    page = await _page(shelf)
    assert (_total(page), _count(page, "timm")) == ("7.8k", "1k+")
