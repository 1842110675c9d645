"""A board whose questions are old enough, with points to put up and days that go by."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.bounties.service import settle_due
from app.core.db import Database
from app.questions import service as questions
from tests.questions.conftest import Board


class Market(Board):
    """A board on which bounties are put up."""

    async def asked(self, who: str = "ada", **more: object) -> int:
        """Return a question of three days ago."""
        number = int((await self.ask(who, **more))["id"])
        await self.write(
            "UPDATE questions_question SET created_at = now() - interval '3 days' WHERE id = :n",
            n=number,
        )
        return number

    async def offer(
        self, question: int, who: str = "eve", amount: int = 100, **more: object
    ) -> httpx.Response:
        body = {"amount": amount, **more}
        return await self.send("POST", f"/questions/{question}/bounties", who, body)

    async def award(self, question: int, answer: int, who: str = "eve") -> httpx.Response:
        body = {"answer_id": answer}
        return await self.send("POST", f"/questions/{question}/bounties/award", who, body)

    async def last(self, question: int) -> dict[str, Any]:
        found = (await self.send("GET", f"/questions/{question}/bounties")).json()
        return dict(found[0])

    async def points(self, who: str) -> int:
        import re

        page = await self.client.get(f"/questions/by/{who}")
        found = re.search(r"(-?\d+) points?<", page.text)
        assert found, page.text
        return int(found[1])

    async def write(self, statement: str, **values: object) -> None:
        async with self.database.transaction() as db:
            await db.execute(text(statement), values)

    async def go_on(self, **span: float) -> None:
        """Let time pass for every bounty, and let the rule decide about those that are over."""
        past = timedelta(**span)
        await self.write(
            "UPDATE bounties_bounty SET begun_at = begun_at - :past, ends_at = ends_at - :past",
            past=past,
        )
        await self.write(
            "UPDATE questions_question SET bounty_until = bounty_until - :past", past=past
        )
        await self.write("UPDATE comments_comment SET created_at = created_at - :past", past=past)
        await settle_due(self.database)

    async def sums(self) -> tuple[int, dict[str, int]]:
        """Return the sum of every line, and of the purses by holder."""
        async with self.database.transaction() as db:
            lines = await db.scalar(text("SELECT coalesce(sum(amount), 0) FROM ledger_line"))
            kept = await db.execute(
                text("SELECT holder, sum(balance) FROM ledger_purse GROUP BY holder")
            )
            return int(lines or 0), {row[0]: int(row[1]) for row in kept}


@pytest.fixture
async def market(client: httpx.AsyncClient, database: Database) -> Market:
    """ada asks, bob and dan answer, eve has 600 points to put up; carol administers."""
    made = Market(client, database)
    for name in ("ada", "bob", "dan", "eve"):
        await made.join(name)
    await made.join("carol", is_admin=True)
    await made.trust("eve", points=600)
    async with database.transaction() as db:
        await questions.plant_tags(db)
    return made
