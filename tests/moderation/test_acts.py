"""The log, the audit, removing all of a spammer, and appeals."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import Database
from app.core.settings import Settings
from app.moderation.service import key_of
from tests.conftest import statements
from tests.factories.accounts import sign_in
from tests.moderation.conftest import API, Town


async def test_everybody_reads_what_was_done_and_nothing_of_who_it_concerned(town: Town) -> None:
    await town.held_by_three()
    (item,) = await town.items()
    await town.decide(item["id"], "agree", penalty="silence", reason="Advertising.")
    acts = (await town.get("/api/v1/moderation/log")).json()["acts"]
    page = await town.page("/moderation/log")
    assert [(one["kind"], one["by"], one["reason"]) for one in acts] == [
        ("silenced", "mia", "Advertising."),
        ("hid", "mia", "Advertising."),
    ]
    assert "nik" not in page
    assert "Buy my thing" not in page
    assert "Hid a post" in page


async def test_each_act_writes_one_row_of_the_audit_that_nothing_changes(
    town: Town, database: Database
) -> None:
    await town.silence("nik")
    async with database.transaction() as db:
        rows = (await db.execute(text("SELECT actor_id, action, target FROM core_audit"))).all()
    nik, mia = town.people["nik"].id, town.people["mia"].id
    assert [tuple(row) for row in rows] == [(mia, "moderation.silenced", f"account:{nik}")]
    for change in (
        "UPDATE core_audit SET actor_id = 0",
        "DELETE FROM core_audit",
        "TRUNCATE core_audit",
    ):
        with pytest.raises(DBAPIError) as refused:
            async with database.transaction() as db:
                await db.execute(text(change))
        assert isinstance(refused.value.orig, psycopg.errors.RaiseException)


async def test_all_of_a_spammer_goes_at_once_and_comes_back_within_a_day(town: Town) -> None:
    num = await town.discuss("ada")
    for n in range(3):
        await town.comment(num, f"Offer {n}", "nik")
    url = "/api/v1/moderation/accounts/nik/purge"
    purged = await town.post(url, {"reason": "Spam."}, "mia")
    gone = await town.words(num)
    barred = await town.get("/api/v1/me", "nik")
    undone = await town.post(f"/api/v1/moderation/acts/{purged.json()['id']}/undo", None, "max")
    again = await town.post(f"/api/v1/moderation/acts/{purged.json()['id']}/undo", None, "max")
    assert (purged.status_code, barred.status_code, undone.status_code) == (201, 401, 200)
    assert gone[1:] == ["This comment has been hidden"] * 3
    assert (await town.words(num))[1:] == ["Offer 0", "Offer 1", "Offer 2"]
    assert (await town.get("/api/v1/me", "nik")).status_code == 200
    assert again.status_code == 409


async def test_a_spammers_tutorial_profile_and_suggested_edits_go_and_come_back_too(
    town: Town, database: Database
) -> None:
    about = {"display_name": "Cheap Things", "bio": "Buy cheap things"}
    await town.client.patch("/api/v1/me", json=about, headers=town.headers["nik"])
    await town.teach("nik", "cheap-things", "Buy cheap things here")
    suggested = await town.suggest("nik", "Buy cheap things")
    url = "/api/v1/moderation/accounts/nik/purge"
    purged = (await town.post(url, {"reason": "Spam."}, "mia")).json()["id"]
    assert (await town.get("/api/v1/tutorials/cheap-things", "bob")).status_code == 404
    assert "Buy cheap" not in await town.page("/tutorials")
    assert "heap" not in await town.page("/nik", "bob")
    decide = f"/api/v1/suggestions/{suggested}"
    assert (await town.post(decide, {"approve": True}, "ada")).status_code == 409
    assert (await town.page("/tutorials/cheap-things", "mia")).count("Buy cheap things here") >= 1
    assert (
        await town.post(f"/api/v1/moderation/acts/{purged}/undo", None, "max")
    ).status_code == 200
    assert (await town.get("/api/v1/tutorials/cheap-things", "bob")).status_code == 200
    assert "Buy cheap things" in await town.page("/nik", "bob")
    assert (await town.post(decide, {"approve": True}, "ada")).status_code == 200
    async with database.transaction() as db:
        kept = await db.scalar(text("SELECT data FROM moderation_act WHERE kind = 'purged'"))
    assert "profile" not in kept


async def test_a_purge_of_yesterday_stays(town: Town, database: Database) -> None:
    url = "/api/v1/moderation/accounts/nik/purge"
    purged = await town.post(url, {"reason": "Spam."}, "mia")
    async with database.transaction() as db:
        await db.execute(text("UPDATE moderation_act SET created_at = now() - interval '25 h'"))
    late = await town.post(f"/api/v1/moderation/acts/{purged.json()['id']}/undo", None, "mia")
    assert late.status_code == 409


async def test_an_appeal_counts_once_and_another_moderator_grants_it(town: Town) -> None:
    num = await town.discuss("ada")
    await town.silence("nik")
    act = (await town.get("/api/v1/moderation/log")).json()["acts"][0]["id"]
    sent = await town.form(f"/settings/standing/{act}/appeal", {"words": "I was kind."}, "nik")
    twice = await town.post(f"/api/v1/appeals/{act}", {"words": "Again"}, "nik")
    foreign = await town.post(f"/api/v1/appeals/{act}", {"words": "Me too"}, "bob")
    listed = await town.page("/moderation/appeals", "max")
    body = {"granted": True, "answer": "You were."}
    own = await town.post("/api/v1/moderation/appeals/1", body, "mia")
    granted = await town.post("/api/v1/moderation/appeals/1", body, "max")
    speaks = await town.post(f"{API}/discussions/{num}/comment", {"comment": "Thanks"}, "nik")
    assert sent.status_code == 303
    assert (twice.status_code, foreign.status_code, own.status_code) == (409, 404, 403)
    assert "I was kind." in listed
    assert granted.json()["is_granted"] is True
    assert speaks.status_code == 200
    assert "You were." in await town.page("/settings/standing", "nik")


async def test_who_can_not_come_in_appeals_by_the_address_they_were_sent(
    town: Town, settings: Settings
) -> None:
    await town.silence("nik", penalty="suspend")
    act = (await town.get("/api/v1/moderation/log")).json()["acts"][0]["id"]
    key = key_of(settings.secret_key.get_secret_value(), act)
    wrong = await town.get(f"/moderation/appeal/{act}/{'0' * 40}")
    assert "Appeal against a decision" in await town.page(f"/moderation/appeal/{act}/{key}")
    sent = await town.client.post(f"/moderation/appeal/{act}/{key}", data={"words": "No!"})
    foreign = await town.get(f"/moderation/appeal/{act}/{'é' * 40}")
    assert wrong.status_code == foreign.status_code == 404
    assert "Another moderator decides" in sent.text


async def test_the_page_of_an_account_silences_lifts_and_removes(town: Town) -> None:
    data = {"penalty": "silence", "days": "7", "reason": "Loud."}
    await town.form("/moderation/accounts/nik/measure", data, "mia")
    assert "Loud." in await town.page("/moderation/accounts/nik", "mia")
    await town.form("/moderation/accounts/nik/lift", {"kind": "silenced"}, "mia")
    await town.form("/moderation/accounts/nik/purge", {"reason": "Spam."}, "mia")
    page = await town.page("/moderation/accounts/nik", "mia")
    assert "Take it back" in page
    refused = await town.form("/moderation/accounts/mia/measure", data, "mia")
    assert refused.status_code == 422


async def test_many_appeals_cost_as_many_queries_as_one(town: Town, engine: AsyncEngine) -> None:
    await sign_in(town.client, "max")
    costs = []
    for name in ("nik", "bob", "eve", "joe"):
        await town.silence(name)
        act = (await town.get("/api/v1/moderation/log")).json()["acts"][0]["id"]
        await town.post(f"/api/v1/appeals/{act}", {"words": f"{name} was kind"}, name)
        with statements(engine) as sent:
            assert f"{name} was kind" in (await town.client.get("/moderation/appeals")).text
        costs.append(len(sent))
    assert costs[1:] == costs[1:2] * 3


async def test_private_places_of_what_was_done_are_for_administrators_only(town: Town) -> None:
    num = await town.discuss("ada")
    number = await town.comment(num, "Inner matters", "nik")
    await town.report(number, "bob")
    (item,) = await town.items()
    await town.decide(item["id"], "agree")
    private = {"private": True}
    await town.client.put(f"{API}/settings", json=private, headers=town.headers["ada"])
    assert "/ada/net" not in await town.page("/moderation/accounts/nik", "max")
    assert "/ada/net" in await town.page("/moderation/accounts/nik", "ruth")
