"""What a report brings to who wrote it: news of the decision, and a better standing."""

from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.notifications.background import tell_waiting
from tests.moderation.conftest import Town


async def _told(town: Town, app: FastAPI, who: str) -> list[tuple[str, str]]:
    await tell_waiting(town.database, app.state.wakeups)
    answer = await town.get("/api/v1/notifications?state=all", who)
    assert answer.status_code == 200, answer.text
    return [(one["what"], one["url"]) for one in answer.json()["items"] if one["kind"] == "report"]


async def _counts(database: Database, account_id: int) -> tuple[int, int]:
    async with database.transaction() as db:
        row = await db.execute(
            text(
                "SELECT num_reports_helpful, num_reports_declined FROM reputation_standing"
                " WHERE account_id = :who"
            ),
            {"who": account_id},
        )
        found = row.one_or_none()
    return (found[0], found[1]) if found else (0, 0)


async def test_reporters_are_told_what_became_of_it_and_nobody_else_is(
    town: Town, app: FastAPI
) -> None:
    await town.held_by_three()
    (item,) = await town.items()
    await town.decide(item["id"], "agree")
    for who in ("bob", "eve", "joe"):
        ((what, url),) = await _told(town, app, who)
        assert what == "agreed"
        assert url.endswith("/settings/reports")
    assert await _told(town, app, "nik") == []
    assert "The moderators agreed with a report of yours" in await town.page(
        "/notifications", "bob"
    )


async def test_right_and_wrong_reports_count_for_the_standing(town: Town) -> None:
    await town.held_by_three()
    num = await town.discuss("ada")
    await town.report(await town.comment(num, "Quite right", "nik"), "bob")
    first, second = sorted(await town.items(), key=lambda one: int(one["id"]))
    await town.decide(first["id"], "agree")
    await town.decide(second["id"], "disagree")
    assert await _counts(town.database, town.people["bob"].id) == (1, 1)
    assert await _counts(town.database, town.people["eve"].id) == (1, 0)


async def test_a_report_that_is_closed_without_a_verdict_counts_for_nothing(
    town: Town, app: FastAPI
) -> None:
    num = await town.discuss("ada")
    await town.report(await town.comment(num, "Hm", "nik"), "bob")
    (item,) = await town.items()
    await town.decide(item["id"], "ignore")
    assert [what for what, _url in await _told(town, app, "bob")] == ["ignored"]
    assert await _counts(town.database, town.people["bob"].id) == (0, 0)
