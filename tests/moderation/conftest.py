"""ada/net with a discussion, somebody new who writes, and two moderators."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.accounts import service as accounts
from app.core.db import Database
from app.core.storage import BlobStore
from app.questions import service as questions
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository

API = "/api/models/ada/net"
MODERATORS = ("mia", "max")


@dataclass
class Town:
    """What people with tokens do, and what the moderators make of it."""

    client: httpx.AsyncClient
    database: Database
    storage: BlobStore
    people: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    repository: Any = None

    async def join(self, name: str) -> None:
        self.people[name] = await make_user(self.database, name, is_admin=name == "ruth")
        if name in MODERATORS:
            async with self.database.transaction() as db:
                await accounts.set_moderator(db, self.people[name].id, moderates=True)
        self.headers[name] = bearer(await make_token(self.database, self.people[name], "all"))

    async def get(self, path: str, who: str = "") -> httpx.Response:
        return await self.client.get(path, headers=self.headers.get(who, {}))

    async def post(self, path: str, body: object = None, who: str = "") -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers.get(who, {}))

    async def form(self, path: str, data: dict[str, Any], who: str) -> httpx.Response:
        return await self.client.post(path, data=data, headers=self.headers[who])

    async def page(self, path: str, who: str = "") -> str:
        headers = {**self.headers.get(who, {}), "Accept": "text/html"}
        answer = await self.client.get(path, headers=headers, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def discuss(self, who: str, title: str = "Why?", words: str = "Words") -> int:
        body = {"title": title, "description": words}
        answer = await self.post(f"{API}/discussions", body, who)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["num"])

    async def comment(self, num: int, words: str, who: str) -> int:
        answer = await self.post(f"{API}/discussions/{num}/comment", {"comment": words}, who)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["newMessage"]["id"], 16)

    async def words(self, num: int, who: str = "") -> list[str]:
        """Return what the protocol tells of each comment."""
        answer = await self.get(f"{API}/discussions/{num}", who)
        return [
            one["data"]["latest"]["raw"]
            for one in answer.json()["events"]
            if "latest" in one["data"]
        ]

    async def teach(self, who: str, slug: str, body: str) -> int:
        """Publish a tutorial; return its number."""
        texts = {"title": f"About {slug}", "summary": body, "body": body, "language": "en"}
        begun = await self.post("/api/v1/tutorials", {"slug": slug, **texts}, who)
        assert begun.status_code == 201, begun.text
        made = await self.post(f"/api/v1/tutorials/{slug}/publish", {"language": "en"}, who)
        assert made.status_code == 201, made.text
        async with self.database.transaction() as db:
            query = text("SELECT id FROM tutorials_tutorial WHERE slug = :slug")
            return int(await db.scalar(query, {"slug": slug}) or 0)

    async def suggest(self, who: str, words: str) -> int:
        """Suggest other words for a question of ada's; return the suggestion's number."""
        new = {"title": "Why does my model overfit?", "body": "Why?", "tags": ["overfitting"]}
        asked = await self.post("/api/v1/questions", new, "ada")
        assert asked.status_code == 201, asked.text
        url = f"/api/v1/questions/{asked.json()['id']}"
        answer = await self.client.patch(
            url, json={**new, "body": words}, headers=self.headers[who]
        )
        assert answer.status_code == 200, answer.text
        return int(answer.json()["suggestion"]["id"])

    async def report(self, number: int, who: str, **more: object) -> httpx.Response:
        body = {"subject": "comment", "subject_id": number, "reason": "spam", **more}
        return await self.post("/api/v1/reports", body, who)

    async def items(self, who: str = "mia", query: str = "") -> list[dict[str, Any]]:
        answer = await self.get(f"/api/v1/moderation/items{query}", who)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def decide(
        self, number: int, verdict: str, who: str = "mia", **more: object
    ) -> httpx.Response:
        if verdict == "agree":
            more = {"reason": "Advertising.", **more}
        body = {"verdict": verdict, **more}
        return await self.post(f"/api/v1/moderation/items/{number}/decide", body, who)

    async def silence(self, name: str, who: str = "mia", **more: object) -> httpx.Response:
        body = {"penalty": "silence", "days": 7, "reason": "Too much noise.", **more}
        url = f"/api/v1/moderation/accounts/{name}/standing"
        return await self.client.put(url, json=body, headers=self.headers[who])

    async def held_by_three(self, words: str = "Buy my thing") -> tuple[int, int]:
        """Return the discussion and the comment of nik's that three people reported."""
        num = await self.discuss("ada")
        number = await self.comment(num, words, "nik")
        for who in ("bob", "eve", "joe"):
            answer = await self.report(number, who)
            assert answer.status_code == 201, answer.text
        return num, number


@pytest.fixture
async def town(client: httpx.AsyncClient, database: Database, app: FastAPI) -> Town:
    """ada owns the repository, bob, eve and joe read, nik is new, mia and max moderate."""
    made = Town(client, database, app.state.storage)
    for name in ("ada", "bob", "eve", "joe", "nik", *MODERATORS, "ruth"):
        await made.join(name)
    async with database.transaction() as db:
        await questions.plant_tags(db)
    made.repository = await make_repository(
        database, made.storage, made.people["ada"], "net", files={"README.md": b"# Net\n"}
    )
    return made
