"""A tutorial with a recipe that the doctor accepts, its readers, and a worker that measures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.tutorials import service
from app.tutorials.schemas import TutorialText
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.jobs import FakeWorker, make_base, make_data, recipe_values
from tests.jobs_pages.conftest import result


def recipe_text(**changes: Any) -> str:
    return yaml.safe_dump(recipe_values() | changes, sort_keys=False)


def body_with(recipe: str, info: str = 'claim="accuracy 0.9 ± 0.02"') -> str:
    return f"Words before.\n\n## Do it\n\n```recipe {info}\n{recipe}```\n\nWords after.\n"


@dataclass
class School:
    """Ada owns a base, data and a tutorial at /tutorials/lesson; eve and bob read it."""

    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    people: dict[str, AccountRef] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    async def join(self, name: str, *, is_admin: bool = False) -> None:
        self.people[name] = await make_user(self.database, name, is_admin=is_admin)
        self.headers[name] = bearer(await make_token(self.database, self.people[name], "all"))

    @asynccontextmanager
    async def browser(self, name: str) -> AsyncIterator[httpx.AsyncClient]:
        """The client of somebody who signed in."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", headers={"Accept": "text/html"}
        ) as browser:
            await sign_in(browser, name)
            yield browser

    async def publish(
        self, body: str, slug: str = "lesson", language: str = "en", title: str = "Lesson"
    ) -> int:
        text = TutorialText(language=language, title=title, summary="Short.", body=body)
        async with self.database.transaction() as db:
            return await service.publish(db, slug, text)

    async def get(self, path: str, who: str = "") -> httpx.Response:
        return await self.client.get(path, headers=self.headers.get(who, {}))

    async def post(self, path: str, body: object = None, who: str = "ada") -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers.get(who, {}))

    async def run(self, who: str, value: float, *, shared: bool = True) -> int:
        """Somebody runs the first recipe, and a worker measures a value."""
        answer = await self.post("/api/v1/tutorials/lesson/recipes/1/run", {"shared": shared}, who)
        assert answer.status_code == 201, answer.text
        worker = FakeWorker(self.client)
        assert await worker.claim()
        await worker.events({"kind": "RunStarted"}, {"kind": "RunFinished"})
        done = await worker.post("finish", {"result": result(value), "artifacts": []})
        assert done.json() == {"state": "succeeded"}
        return int(answer.json()["job"])

    async def runs(self, who: str = "") -> dict[str, Any]:
        """What the API tells somebody of the first recipe's runs."""
        answer = await self.get("/api/v1/tutorials/lesson", who)
        found: dict[str, Any] = answer.json()["recipes"][0]["runs"]
        return found


@pytest.fixture
async def school(app: FastAPI, client: httpx.AsyncClient, database: Database) -> School:
    made = School(app, client, database)
    for name in ("ada", "eve", "bob"):
        await made.join(name)
    await make_base(app, made.people["ada"])
    await make_data(app, made.people["ada"])
    return made
