"""A site that sends letters, and a post office that takes them."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.core.db import Database
from app.core.settings import Settings
from app.mail.service import send_due
from tests.factories.mail import PostOffice, post_office


class Mailbox:
    """What people of the site have been sent."""

    def __init__(self, database: Database, settings: Settings, office: PostOffice) -> None:
        self.office = office
        self._database = database
        self._settings = settings

    async def open(self, address: str) -> list[str]:
        """Return subject and plain text of each letter to the address, the oldest first."""
        while await send_due(self._database, self._settings):
            continue
        texts = []
        for letter in self.office.to(address):
            body = letter.get_body(("plain",))
            assert body is not None
            texts.append(f"{letter['Subject']}\n{body.get_content()}")
        return texts

    async def link(self, address: str) -> str:
        """Return the path of the link in the newest letter to the address."""
        text = (await self.open(address))[-1]
        found = re.search(r"http://testserver(/\S+token=\S+)", text)
        assert found, text
        return found[1]


@pytest.fixture
async def mailbox(app: FastAPI, settings: Settings) -> AsyncIterator[Mailbox]:
    """Let the site of `app` send letters."""
    async with post_office() as office:
        posting = settings.model_copy(update={"smtp_url": SecretStr(office.url)})
        app.state.settings = posting
        yield Mailbox(app.state.database, posting, office)


@pytest.fixture
async def other_browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
