"""Who may only read writes through no door of questions and answers."""

import httpx

from app.accounts import service
from app.accounts.schemas import Measure, StandingKind
from app.core.db import Database
from tests.factories.accounts import bearer, make_token, make_user, sign_in

WORDS = {"title": "Why does it overfit so?", "body": "What is there to try?"}


async def test_the_silenced_read_questions_and_ask_none_by_page_or_by_token(
    client: httpx.AsyncClient, database: Database
) -> None:
    nik = await make_user(database, "nik")
    token = await make_token(database, nik, "community:write")
    async with database.transaction() as db:
        await service.impose(db, nik.id, Measure(StandingKind.SILENCED, "Too much noise."))
    told = {**WORDS, "tags": ["overfitting"]}
    by_token = await client.post("/api/v1/questions", json=told, headers=bearer(token))
    await sign_in(client, "nik")
    by_page = await client.post("/questions", data={**WORDS, "tags": "overfitting"})
    assert (by_token.status_code, by_page.status_code) == (403, 403)
    assert "Too much noise." in by_token.text
    assert "Too much noise." in by_page.text
    assert (await client.get("/questions")).status_code == 200
    assert (await client.get("/settings/standing")).status_code == 200
