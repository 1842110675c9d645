"""A village on a whole site: people, a model, a question board, moderators, and a post office."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from app.accounts import service as accounts
from app.core.settings import Settings
from app.notifications import service as notifications
from app.notifications.background import tell_waiting
from app.questions import service as questions
from app.search.service import catch_up
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.hub import make_repository
from tests.factories.mail import PostOffice, post_office, send_letters
from tests.questions.conftest import TITLE, Board

__all__ = ["TITLE"]
API = "/api/models/ada/net"


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with post_office() as running:
        yield running


@pytest.fixture
def posting(app: FastAPI, office: PostOffice) -> Settings:
    """Let the site of `app` send letters to addresses that were proved."""
    more = {"smtp_url": SecretStr(office.url), "mail_from": "T <t@e.x>"}
    app.state.settings = app.state.settings.model_copy(update=more)
    settings: Settings = app.state.settings
    return settings


@dataclass
class Village(Board):
    """What the people of a site do, by whichever door."""

    app: FastAPI | None = None

    async def join(self, name: str, *, is_admin: bool = False) -> None:
        self.people[name] = await make_user(self.database, name, is_admin=is_admin)
        token = await make_token(self.database, self.people[name], "all")
        self.headers[name] = bearer(token)

    @property
    def site(self) -> FastAPI:
        assert self.app is not None
        return self.app

    async def get(self, path: str, who: str = "") -> httpx.Response:
        return await self.client.get(path, headers=self.headers.get(who, {}))

    async def post(self, path: str, body: object = None, who: str = "ada") -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers[who])

    async def form(self, path: str, who: str, **data: Any) -> httpx.Response:
        return await self.client.post(path, data=data, headers=self.headers[who])

    async def page(self, path: str, who: str = "", **headers: str) -> str:
        sent = {**self.headers.get(who, {}), "Accept": "text/html", **headers}
        answer = await self.client.get(path, headers=sent, follow_redirects=True)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    async def discuss(self, who: str = "eve", title: str = "Why?", words: str = "Words") -> int:
        answer = await self.post(f"{API}/discussions", {"title": title, "description": words}, who)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["num"])

    async def index(self) -> None:
        await catch_up(self.database, self.site.state.storage)

    async def tell(self) -> None:
        await tell_waiting(self.database, self.site.state.wakeups)

    async def told(self, who: str) -> list[tuple[str, str]]:
        """Return what somebody is told of, each with the kind of news, the newest first."""
        await self.tell()
        answer = await self.get("/api/v1/notifications?state=all", who)
        return [(one["what"], one["kind"]) for one in answer.json()["items"]]

    async def unread(self, who: str) -> int:
        await self.tell()
        return int((await self.get("/api/v1/notifications/count", who)).json()["unread"])

    async def mailed(self, who: str, office: PostOffice) -> list[EmailMessage]:
        """Let all letters go out that are due; return those to somebody."""
        await self.tell()
        settings = self.site.state.settings
        while await notifications.mail_instant(self.database, settings):
            continue
        await notifications.mail_digests(self.database, settings)
        await send_letters(self.database, settings)
        return office.to(f"{who}@example.org")

    async def prove_addresses(self) -> None:
        async with self.database.transaction() as db:
            await db.execute(text("UPDATE accounts_user SET email_confirmed_at = now()"))

    @asynccontextmanager
    async def browser(self, name: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """A browser of somebody's, or of a visitor's, with cookies of its own."""
        transport = httpx.ASGITransport(app=self.site, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", headers={"Accept": "text/html"}
        ) as browser:
            if name:
                await sign_in(browser, name)
            yield browser


def words_of(markup: str) -> str:
    """Return what a page says without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", markup).split())


@pytest.fixture
async def village(app: FastAPI, client: httpx.AsyncClient) -> Village:
    """ada owns the model ada/net; bob and eve read and write; mia moderates; ruth administers."""
    made = Village(client, app.state.database, app=app)
    for name in ("ada", "bob", "eve", "mia"):
        await made.join(name)
    await made.join("ruth", is_admin=True)
    async with made.database.transaction() as db:
        await accounts.set_moderator(db, made.people["mia"].id, moderates=True)
        await questions.plant_tags(db)
    await make_repository(
        made.database, app.state.storage, made.people["ada"], "net", files={"README.md": b"# Net\n"}
    )
    return made
