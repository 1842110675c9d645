"""Starting and watching an import in a browser, without scripts."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.storage import open_storage
from tests.conftest import Site
from tests.factories.accounts import sign_in
from tests.imports.conftest import Hub, Importer
from tests.imports.sharing import Shared


@pytest.fixture
async def browser(site: Site, ada: AccountRef) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Accept": "text/html", "Origin": site.url}
    async with httpx.AsyncClient(base_url=site.url, headers=headers) as client:
        await sign_in(client, "ada")
        yield client


async def test_the_form_starts_an_import_and_the_list_shows_how_it_went(
    browser: httpx.AsyncClient,
    importer: Importer,
    upstream: Hub,
    upstream_database: Database,
    bob: AccountRef,
) -> None:
    shared = Shared(upstream_database, open_storage(upstream.settings), bob)
    await shared.repository("tiny", {"a.txt": b"1"})
    sent = await browser.post("/imports", data={"source": "bob/tiny", "kind": "model"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/imports")
    await importer.ended(1)
    page = (await browser.get("/imports")).text
    assert 'href="/ada/tiny"' in page
    assert "Succeeded" in page


async def test_a_form_that_is_wrong_keeps_what_was_typed_but_not_the_token(
    browser: httpx.AsyncClient,
) -> None:
    typed = {"source": "not a name", "token": "hf_secret"}
    answer = await browser.post("/imports", data=typed)
    assert answer.status_code == 422
    assert "Write the name as owner/name" in answer.text
    assert 'value="not a name"' in answer.text
    assert "hf_secret" not in answer.text


async def test_a_visitor_is_asked_to_sign_in(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.url, headers={"Accept": "text/html"}) as visitor:
        answer = await visitor.get("/imports")
    assert answer.headers["location"].startswith("/login?next=")
