"""ada's repository and its readers, and what each of them is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.notifications import background
from app.notifications.background import tell_waiting
from tests.discussions.conftest import Forum
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository

API = "/api/v1/notifications"


class News(Forum):
    """A forum whose people look at what they are told."""

    app: FastAPI

    async def join(self, name: str) -> None:
        self.people[name] = await make_user(self.database, name)
        token = await make_token(self.database, self.people[name], "all")
        self.headers[name] = bearer(token)

    async def newest_comment(self, num: int) -> int:
        """Return the number of the last comment of a discussion."""
        answer = await self.client.get(f"/api/models/ada/net/discussions/{num}")
        return int(answer.json()["events"][-1]["id"], 16)

    @asynccontextmanager
    async def lost(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
        """Lose the news of the block as if the process had died; then let the sweep look twice."""
        recorder = self.app.state.news
        with monkeypatch.context() as patch:
            patch.setattr(recorder.__class__, "_write", _lose)
            yield
        monkeypatch.setattr(background, "_SETTLED", timedelta(0))
        for _n in range(2):
            await background.sweep(recorder, self.database)

    async def tell(self) -> None:
        """Let everybody be told of what happened."""
        await tell_waiting(self.database, self.app.state.wakeups)

    async def say(self, num: int, words: str, who: str) -> None:
        answer = await self.post(f"/discussions/{num}/comment", {"comment": words}, who)
        assert answer.status_code == 200, answer.text

    async def told(self, who: str, query: str = "state=all") -> list[tuple[str, str, str]]:
        """Return what, kind and reason of somebody's notifications, the oldest first."""
        await self.tell()
        found = (await self.asked(who, f"?{query}")).json()["items"]
        return [(one["what"], one["kind"], one["reason"]) for one in reversed(found)]

    async def asked(self, who: str, path: str = "") -> httpx.Response:
        answer = await self.client.get(f"{API}{path}", headers=self.headers[who])
        assert answer.status_code == 200, answer.text
        return answer

    async def unread(self, who: str) -> int:
        await self.tell()
        return int((await self.asked(who, "/count")).json()["unread"])

    async def do(self, who: str, path: str = "", **body: Any) -> httpx.Response:
        return await self.client.post(f"{API}{path}", json=body, headers=self.headers[who])

    async def set_level(self, who: str, target: str, level: str | None) -> httpx.Response:
        return await self.client.put(
            f"{API}/levels/{target}", json={"level": level}, headers=self.headers[who]
        )

    async def why(self, who: str) -> list[str]:
        """Return what the page says of somebody's last decisions."""
        await self.tell()
        page = await self.client.get("/notifications/why", headers=self.headers[who])
        cells = page.text.split("<tr>")[2:]
        return [" ".join(_words(cell)) for cell in cells]


async def _lose(_recorder: object, _writer: object) -> None:
    return


def _words(markup: str) -> list[str]:
    import re

    return re.sub(r"<[^>]*>", " ", markup).split()


@pytest.fixture
async def news(client: httpx.AsyncClient, database: Database, app: FastAPI) -> News:
    """ada/net; eve, bob and cyn read."""
    made = News(client, database, app.state.storage)
    made.app = app
    for name in ("ada", "eve", "bob", "cyn"):
        await made.join(name)
    made.repository = await make_repository(database, made.storage, made.people["ada"], "net")
    await made.tell()
    return made
