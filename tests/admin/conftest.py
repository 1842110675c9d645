"""ruth administers the site in a browser and by a token; ada does not."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.core.audit import AuditEntry
from app.core.db import Database
from tests.factories.accounts import bearer, make_token, make_user, sign_in

API = "/api/v1/admin"


@dataclass
class Office:
    """What the administrator does, and what others see of it."""

    client: httpx.AsyncClient
    app: FastAPI
    database: Database
    people: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    async def join(self, name: str, *, is_admin: bool = False) -> None:
        self.people[name] = await make_user(self.database, name, is_admin=is_admin)
        self.headers[name] = bearer(await make_token(self.database, self.people[name], "all"))

    async def page(self, path: str, who: str = "ruth") -> str:
        answer = await self.get(path, who)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def get(self, path: str, who: str = "ruth") -> httpx.Response:
        headers = {**self.headers.get(who, {}), "Accept": "text/html"}
        return await self.client.get(path, headers=headers)

    async def api(
        self, method: str, path: str, body: object = None, who: str = "ruth"
    ) -> httpx.Response:
        return await self.client.request(
            method, f"{API}{path}", json=body, headers=self.headers.get(who, {})
        )

    async def browse(self) -> None:
        """Let ruth sign in as a browser does; its cookies stay with the client."""
        await sign_in(self.client, "ruth")

    async def form(self, path: str, **data: Any) -> httpx.Response:
        """Post a form in ruth's browser."""
        headers = {"Accept": "text/html", "Referer": "http://testserver/admin"}
        return await self.client.post(path, data=data, headers=headers)

    async def audited(self, scope: str) -> list[AuditEntry]:
        """Return what stands in the audit of this scope, the oldest first."""
        async with self.database.transaction() as db:
            statement = select(AuditEntry).where(AuditEntry.action.startswith(scope))
            return list(await db.scalars(statement.order_by(AuditEntry.id)))


@pytest.fixture
async def office(client: httpx.AsyncClient, app: FastAPI, database: Database) -> Office:
    made = Office(client, app, database)
    await made.join("ruth", is_admin=True)
    await made.join("ada")
    return made
