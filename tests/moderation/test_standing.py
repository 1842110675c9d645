"""Silenced and suspended: what is refused, by which door, with which words, and how it ends."""

import io
import json
import zipfile

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.factories.accounts import PASSWORD, sign_in
from tests.factories.jobs import make_job
from tests.moderation.conftest import API, Town


async def test_the_silenced_read_and_every_door_refuses_to_write_with_the_reason(
    town: Town,
) -> None:
    num = await town.discuss("ada")
    assert (await town.silence("nik")).status_code == 204
    seen = await town.get(f"{API}/discussions/{num}", "nik")
    refused = [
        await town.post(f"{API}/discussions/{num}/comment", {"comment": "x"}, "nik"),
        await town.form(f"/ada/net/discussions/{num}/comment", {"comment": "x"}, "nik"),
        await town.post("/api/repos/create", {"name": "mine", "type": "model"}, "nik"),
        await town.get("/nik/x.git/info/refs?service=git-receive-pack", "nik"),
    ]
    assert seen.status_code == 200
    assert [answer.status_code for answer in refused[:3]] == [403] * 3
    assert all("Too much noise." in answer.text for answer in refused[:3])
    assert refused[3].status_code in {403, 404}


async def test_a_silence_ends_by_itself_at_its_end(town: Town, database: Database) -> None:
    num = await town.discuss("ada")
    await town.silence("nik", days=1)
    async with database.transaction() as db:
        await db.execute(text("UPDATE accounts_user SET silenced_until = now() - interval '1 s'"))
        await db.execute(text("UPDATE accounts_standing SET until = now() - interval '1 s'"))
    answer = await town.post(f"{API}/discussions/{num}/comment", {"comment": "Back"}, "nik")
    standing = (await town.get("/api/v1/me", "nik")).json()["standing"]
    assert (answer.status_code, standing) == (200, [])


async def test_a_lifted_silence_is_over_at_once(town: Town) -> None:
    num = await town.discuss("ada")
    await town.silence("nik", days=0)
    before = (await town.get("/api/v1/me", "nik")).json()["standing"]
    url = "/api/v1/moderation/accounts/nik/standing/silenced"
    lifted = await town.client.delete(url, headers=town.headers["max"])
    again = await town.client.delete(url, headers=town.headers["max"])
    answer = await town.post(f"{API}/discussions/{num}/comment", {"comment": "Back"}, "nik")
    assert before[0]["reason"] == "Too much noise."
    assert (lifted.status_code, again.status_code, answer.status_code) == (204, 409, 200)


async def test_the_suspended_are_told_why_once_they_showed_who_they_are(
    town: Town, client: httpx.AsyncClient
) -> None:
    await town.silence("nik", penalty="suspend", reason="Stole models.")
    by_token = await town.get("/api/v1/me", "nik")
    right = await client.post("/login", data={"login": "nik", "password": PASSWORD})
    wrong = await client.post("/login", data={"login": "nik", "password": "something else"})
    assert (by_token.status_code, right.status_code, wrong.status_code) == (401, 401, 401)
    assert "Stole models." in by_token.text
    assert "Stole models." in right.text
    assert "Stole models." not in wrong.text


async def test_a_session_of_a_suspended_person_is_a_visitors(
    town: Town, client: httpx.AsyncClient
) -> None:
    await sign_in(client, "nik")
    assert (await client.get("/api/v1/me")).status_code == 200
    await town.silence("nik", penalty="suspend")
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_jobs_of_the_suspended_are_asked_to_stop(town: Town, database: Database) -> None:
    async with database.transaction() as db:
        job = await make_job(db, town.people["nik"].id)
    await town.silence("nik", penalty="suspend")
    async with database.transaction() as db:
        state = await db.scalar(text("SELECT state FROM jobs_job WHERE id = :id"), {"id": job.id})
    assert state == "cancelled"


@pytest.mark.parametrize(
    ("name", "status"), [("ruth", 403), ("max", 403), ("mia", 422), ("nobody", 404)]
)
async def test_who_can_not_be_silenced(town: Town, name: str, status: int) -> None:
    assert (await town.silence(name)).status_code == status


async def test_what_moderators_keep_to_undo_an_act_is_not_in_the_copy_of_ones_data(
    town: Town, client: httpx.AsyncClient
) -> None:
    await town.silence("nik")
    await town.client.delete(
        "/api/v1/moderation/accounts/nik/standing/silenced", headers=town.headers["mia"]
    )
    await sign_in(client, "nik")
    answer = await client.post("/settings/data/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        line = archive.read("data/moderation_act.jsonl").decode().splitlines()[0]
    assert "Too much noise." in line
    assert "data" not in json.loads(line)


async def test_only_moderators_silence(town: Town) -> None:
    answers = [await town.silence("nik", "bob"), await town.silence("nik", "max", reason=" ")]
    assert [answer.status_code for answer in answers] == [403, 422]


async def test_the_silenced_see_the_decision_on_every_page_and_on_their_own(town: Town) -> None:
    await town.silence("nik")
    assert "Too much noise." in await town.page("/", "nik")
    assert "Too much noise." in await town.page("/settings/standing", "nik")
