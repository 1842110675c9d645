"""A few people with tokens, the first tags, and questions they ask of each other."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.questions import service
from app.reputation import queries as reputation
from tests.factories.accounts import bearer, make_token, make_user

TITLE = "Why does my classifier overfit after two epochs?"


@dataclass
class Board:
    """What people with tokens do through the API."""

    client: httpx.AsyncClient
    database: Database
    people: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    async def join(self, name: str, *, is_admin: bool = False) -> None:
        self.people[name] = await make_user(self.database, name, is_admin=is_admin)
        scope = "all" if is_admin else "write"
        token = await make_token(self.database, self.people[name], scope)
        self.headers[name] = bearer(token)

    async def send(
        self, method: str, path: str, who: str = "", body: object = None
    ) -> httpx.Response:
        headers = self.headers.get(who, {})
        return await self.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    async def ask(self, who: str = "ada", **more: object) -> dict[str, Any]:
        body = {"title": TITLE, "body": "What **should** I try?", "tags": ["overfitting"], **more}
        answer = await self.send("POST", "/questions", who, body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def answer(self, question: int, who: str = "bob", body: str = "Use dropout.") -> int:
        answer = await self.send("POST", f"/questions/{question}/answers", who, {"body": body})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def read(self, question: int, who: str = "", **query: str) -> dict[str, Any]:
        address = httpx.URL(f"/questions/{question}", params=query)
        answer = await self.send("GET", str(address), who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def vote(self, post: int, who: str, value: int = 1) -> httpx.Response:
        return await self.send("PUT", f"/posts/{post}/vote", who, {"value": value})

    async def trust(self, who: str, **sums: int) -> None:
        """Give somebody sums as if others had voted, approved and agreed."""
        async with self.database.transaction() as db:
            await reputation.add_to_standing(db, self.people[who].id, sums)


@pytest.fixture
async def board(client: httpx.AsyncClient, database: Database) -> Board:
    """ada asks, bob answers, eve looks on; carol administers."""
    made = Board(client, database)
    for name in ("ada", "bob", "eve"):
        await made.join(name)
    await made.join("carol", is_admin=True)
    async with database.transaction() as db:
        await service.plant_tags(db)
    return made
