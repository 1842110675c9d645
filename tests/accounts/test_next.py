"""A sign-in link may say where to go on, but never to another site."""

import httpx
import pytest

from app.core.db import Database
from tests.factories.accounts import PASSWORD, make_user

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nLocation: //evil.example",
    "\t//evil.example",
    "https://evil.example",
    "https:evil.example",
    "HTTPS://evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/%2f%2fevil.example",
    "/%2fevil.example",
    "%2f%2fevil.example",
    "/%5cevil.example",
    "/%09/evil.example",
    "/%0d%0aevil",
    "evil.example",
    "//[evil",
    "",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
async def test_an_address_that_could_lead_elsewhere_is_not_followed(
    client: httpx.AsyncClient, database: Database, wanted: str
) -> None:
    await make_user(database, "ada")
    form = {"login": "ada", "password": PASSWORD, "next": wanted}
    answer = await client.post("/login", data=form)
    assert answer.headers["location"] == "/"
    signed_in = await client.get("/login", params={"next": wanted})
    assert signed_in.headers["location"] == "/"


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/models?q=a%20b&sort=new", "/models?q=a%20b&sort=new"),
        ("/ada/模型/tree/main", "/ada/%E6%A8%A1%E5%9E%8B/tree/main"),
        ("/settings#tokens", "/settings"),
    ],
)
async def test_an_address_of_this_site_is_followed(
    client: httpx.AsyncClient, database: Database, wanted: str, location: str
) -> None:
    await make_user(database, "ada")
    form = {"login": "ada", "password": PASSWORD, "next": wanted}
    assert (await client.post("/login", data=form)).headers["location"] == location
