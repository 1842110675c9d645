"""Collections in the browser: made and filled by forms, shown to who may see them."""

import re

import httpx

from app.core.db import Database
from app.core.storage import BlobStore
from tests.factories.accounts import make_user, sign_in
from tests.factories.hub import make_repository


async def _collect(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await client.post("/collections/new", data={"title": "Small models", **form})


async def test_a_repository_is_put_into_a_new_collection(
    client: httpx.AsyncClient, database: Database, app_storage: BlobStore
) -> None:
    ada = await make_user(database, "ada")
    await make_repository(database, app_storage, ada, "tiny")
    await sign_in(client, "ada")
    page = await client.get("/ada/tiny")
    assert "/collections/add?kind=model&amp;name=ada/tiny" in page.text
    made = await _collect(client, kind="model", name="ada/tiny")
    assert made.status_code == 303
    client.cookies.clear()
    shown = await client.get(made.headers["location"])
    assert shown.status_code == 200
    assert 'href="/ada/tiny"' in shown.text
    part = await client.get("/collections/of/ada")
    assert "Small models" in part.text
    assert "/collections/of/ada" in (await client.get("/ada")).text


async def test_a_wrong_form_comes_back_and_leaves_nothing_behind(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    missing = await _collect(client, kind="model", name="ada/nothing")
    assert missing.status_code == 404
    assert 'value="Small models"' in missing.text
    assert "Small models" not in (await client.get("/collections?owner=ada")).text
    assert (await _collect(client, title=" ")).status_code == 422


async def test_items_are_moved_explained_and_taken_out(
    client: httpx.AsyncClient, database: Database, app_storage: BlobStore
) -> None:
    ada = await make_user(database, "ada")
    for name in ("first", "second"):
        await make_repository(database, app_storage, ada, name)
    await sign_in(client, "ada")
    here = (await _collect(client)).headers["location"]
    for name in ("first", "second"):
        await client.post(f"{here}/items", data={"kind": "model", "name": f"ada/{name}"})
    edit = (await client.get(f"{here}/edit")).text
    items = re.findall(r"/items/(\d+)", edit)
    down = {"action": "down", "position": "0", "note": "try this one second"}
    await client.post(f"{here}/items/{items[0]}", data=down)
    shown = (await client.get(here)).text
    assert shown.index("ada/second") < shown.index("ada/first")
    assert "try this one second" in shown
    await client.post(f"{here}/items/{items[1]}", data={"action": "remove"})
    assert "ada/second" not in (await client.get(here)).text


async def test_a_private_collection_is_there_for_its_owner_alone(
    client: httpx.AsyncClient, database: Database
) -> None:
    for name in ("ada", "eve"):
        await make_user(database, name)
    await sign_in(client, "ada")
    here = (await _collect(client, private="1")).headers["location"]
    assert (await client.get(here)).status_code == 200
    client.cookies.clear()
    await sign_in(client, "eve")
    hidden = await client.get(here)
    missing = await client.get("/collections/ada/none-00000000000000000000ffff")
    assert hidden.status_code == missing.status_code == 404
    assert "Small models" not in (await client.get("/collections")).text
    assert (await client.post(f"{here}/delete")).status_code == 404


async def test_a_vote_counts_once_and_can_be_taken_back(
    client: httpx.AsyncClient, database: Database
) -> None:
    for name in ("ada", "eve"):
        await make_user(database, name)
    await sign_in(client, "ada")
    here = (await _collect(client)).headers["location"]
    client.cookies.clear()
    await sign_in(client, "eve")
    api = here.replace("/collections/", "/api/collections/")
    for wanted, votes in (("true", 1), ("true", 1), ("false", 0), ("false", 0)):
        assert (await client.post(f"{here}/upvote", data={"wanted": wanted})).status_code == 303
        assert (await client.get(api)).json()["upvotes"] == votes


async def test_an_old_title_in_the_address_leads_to_the_new_one(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    here = (await _collect(client)).headers["location"]
    await client.post(f"{here}/edit", data={"title": "Tiny models", "theme": "green"})
    moved = await client.get(here)
    assert moved.status_code == 307
    assert "/collections/ada/tiny-models-" in moved.headers["location"]
