"""Which names an account may take."""

import httpx
import pytest

from app.core.db import Database
from tests.factories.accounts import PASSWORD, bearer, make_token, make_user

REFUSED = [
    "аda",  # the first letter is Cyrillic
    "ａda",  # full width
    "ada\u200b",
    "ада",
    "艾达",
    "a da",
    "a/b",
    "a\\b",
    "a%2fb",
    "a@b",
    ".",
    "..",
    "...",
    "-ada",
    "ada-",
    ".ada",
    "ada.",
    "a..b",
    "a--b",
    "ada.git",
    "ada.GIT",
    "ada.atom",
    "a" * 65,
    "admin",
    "ADMIN",
    "api",
    "settings",
    "Datasets",
    "login",
    "static",
    "fine-tune",
    ".well-known",
    "robots.txt",
    "new",
]


@pytest.mark.parametrize("name", REFUSED)
async def test_a_name_that_misleads_is_refused_to_people_and_organizations(
    client: httpx.AsyncClient, database: Database, name: str
) -> None:
    form = {"name": name, "email": "a@example.org", "password": PASSWORD}
    assert (await client.post("/signup", data=form)).status_code == 422
    token = await make_token(database, await make_user(database), "account")
    answer = await client.post("/api/v1/organizations", json={"name": name}, headers=bearer(token))
    assert answer.status_code == 422
    assert answer.json()["details"][0]["path"] == "name"


@pytest.mark.parametrize("name", ["Ada", "ada_b", "a.b-c_D", "42", "x", "a" * 64, "Ada.B"])
async def test_letters_digits_dash_dot_and_underscore_in_any_case_make_a_name(
    client: httpx.AsyncClient, name: str
) -> None:
    form = {"name": name, "email": "a@example.org", "password": PASSWORD}
    assert (await client.post("/signup", data=form)).status_code == 303
    assert (await client.get("/api/v1/me")).json()["name"] == name


async def test_one_name_belongs_to_one_account_whatever_its_case_and_kind(
    client: httpx.AsyncClient, database: Database
) -> None:
    token = await make_token(database, await make_user(database, "Ada"), "account")
    answer = await client.post("/api/v1/organizations", json={"name": "ADA"}, headers=bearer(token))
    assert answer.status_code == 422
    assert answer.json()["code"] == "taken"
