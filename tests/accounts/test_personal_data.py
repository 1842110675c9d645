"""Taking a copy of what the site keeps of one, and leaving without a trace."""

import io
import json
import zipfile

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.accounts import service
from app.accounts.schemas import Role, Site
from app.core.db import Base, Database
from tests.accounts.conftest import Mailbox
from tests.accounts.test_second_factor import add_app, stale
from tests.factories.accounts import (
    PASSWORD,
    make_member,
    make_organization,
    make_token,
    make_user,
    sign_in,
)

NAME = "ada-lovelace"
EMAIL = f"{NAME}@example.org"


async def erase_due(app: FastAPI) -> int:
    settings = app.state.settings
    site = Site(
        "http://testserver",
        bool(settings.smtp_url.get_secret_value()),
        settings.secret_key.get_secret_value(),
    )
    return await service.erase_due(app.state.database, site, app.state.erasers)


async def a_week_passes(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(
            text("UPDATE accounts_user SET erased_from = now() WHERE erased_from IS NOT NULL")
        )


async def dump(database: Database) -> str:
    """Return every row of every table as text."""
    rows = []
    async with database.transaction() as db:
        for table in Base.metadata.sorted_tables:
            found = await db.scalars(text(f"SELECT t::text FROM {table.name} AS t"))
            rows += [f"{table.name}: {row}" for row in found]
    return "\n".join(rows)


async def live_a_little(client: httpx.AsyncClient, database: Database) -> None:
    """Let somebody leave rows in many tables."""
    await make_user(database, "eve")
    ada = await make_user(database, NAME)
    async with database.transaction() as db:
        await db.execute(text("UPDATE accounts_user SET email_confirmed_at = now()"))
    await sign_in(client, "eve")
    await client.post("/api/repos/create", json={"name": "net", "type": "model"})
    await client.post("/logout")
    await sign_in(client, NAME)
    await client.post("/settings/profile", data={"display_name": NAME, "bio": f"I am {NAME}"})
    for name, private in (("open", False), ("secret", True)):
        made = {"name": name, "type": "model", "private": private}
        assert (await client.post("/api/repos/create", json=made)).status_code == 200
    said = {"title": "A question", "description": "Why **so**?", "pullRequest": False}
    answer = await client.post("/api/models/eve/net/discussions", json=said)
    assert answer.status_code < 300, answer.text
    await make_token(database, ada)
    await add_app(client)


async def test_the_zip_holds_every_row_of_the_person_and_nothing_of_others(
    client: httpx.AsyncClient, database: Database
) -> None:
    await live_a_little(client, database)
    answer = await client.post("/settings/data/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    rows = {
        name: [json.loads(line) for line in content.splitlines()]
        for name, content in files.items()
        if name.endswith(".jsonl")
    }
    assert rows["data/accounts_user.jsonl"][0]["email"] == EMAIL
    assert {row["name"] for row in rows["data/hub_repository.jsonl"]} == {"open", "secret"}
    assert len(rows["data/accounts_token.jsonl"]) == 1
    assert len(rows["data/accounts_session.jsonl"]) >= 1
    assert "Why **so**?" in [
        content for name, content in files.items() if name.startswith("posts/comments_comment/")
    ]
    everything = "\n".join(files.values())
    assert "eve@example.org" not in everything
    assert "password_hash" not in everything
    assert "argon2" not in everything


async def test_every_table_that_points_to_people_is_in_the_zip_or_says_why_not() -> None:
    exported = {table.name for table, _whose in service.personal_tables()}
    pointing = {
        table.name
        for table in Base.metadata.sorted_tables
        for column in table.columns
        for key in column.foreign_keys
        if key.target_fullname in {"accounts_account.id", "accounts_user.account_id"}
    }
    # Judged by somebody; told of somebody; what moderators weigh before they decide; what
    # somebody set on a thing of everybody's.
    reasons = {
        "moderation_item",
        "moderation_appeal",
        "notifications_happening",
        "questions_trial",
        "questions_twin",
        "tutorials_check_choice",
    }
    assert pointing - exported <= reasons


async def test_a_copy_is_a_dangerous_act_and_not_made_without_end(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, NAME)
    await sign_in(client, NAME)
    statuses = [(await client.post("/settings/data/export")).status_code for _n in range(6)]
    assert statuses == [200] * 5 + [429]
    await stale(database)
    assert (await client.post("/settings/data/export")).status_code == 403


async def test_after_a_week_no_name_and_no_address_is_left_and_the_posts_are(
    app: FastAPI, client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await live_a_little(client, database)
    async with database.transaction() as db:
        await db.execute(text("UPDATE accounts_session SET address = '192.0.2.77'"))
    answer = await client.post("/settings/data/erase", data={"name": NAME})
    assert answer.status_code == 303, answer.text
    await a_week_passes(database)
    assert await erase_due(app) == 1
    letters = await mailbox.open(EMAIL)
    assert letters[-1].startswith("Your account was deleted")
    left = [
        row for row in (await dump(database)).splitlines() if NAME in row or "192.0.2.77" in row
    ]
    assert left == []
    client.cookies.clear()
    assert (await client.get("/api/models/deleted-2/open")).status_code == 200
    assert (await client.get(f"/api/models/{NAME}/open")).status_code in {401, 404}
    assert (await client.get("/api/models/deleted-2/secret")).status_code in {401, 404}
    page = await client.get("/eve/net/discussions/1")
    assert "Why" in page.text
    assert "deleted-2" in page.text
    answer = await client.post("/login", data={"login": EMAIL, "password": PASSWORD})
    assert answer.status_code == 401


async def test_within_the_week_the_link_of_the_letter_keeps_the_account(
    app: FastAPI, client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, NAME)
    await sign_in(client, NAME)
    await client.post("/settings/data/erase", data={"name": NAME})
    assert await erase_due(app) == 0
    link = await mailbox.link(EMAIL)
    client.cookies.clear()
    assert (await client.get(link)).status_code == 200
    form = {"token": link.partition("token=")[2]}
    assert (await client.post("/keep-account", data=form)).status_code == 303
    assert (await client.post("/keep-account", data=form)).status_code == 410
    await a_week_passes(database)
    assert await erase_due(app) == 0
    await sign_in(client, NAME)


async def test_without_letters_signing_in_is_enough_to_stay(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, NAME)
    await sign_in(client, NAME)
    await client.post("/settings/data/erase", data={"name": NAME})
    assert "Keep the account" in (await client.get("/settings/data")).text
    assert (await client.post("/settings/data/keep")).status_code == 303
    await a_week_passes(database)
    assert await erase_due(app) == 0


async def test_the_name_must_be_typed(client: httpx.AsyncClient, database: Database) -> None:
    await make_user(database, NAME)
    await sign_in(client, NAME)
    answer = await client.post("/settings/data/erase", data={"name": "eve"})
    assert answer.status_code == 422
    assert 'id="error-name"' in answer.text


async def test_an_organisation_of_several_is_not_left_without_an_administrator(
    client: httpx.AsyncClient, database: Database
) -> None:
    ada, eve = await make_user(database, NAME), await make_user(database, "eve")
    organization = await make_organization(database, ada, "engines")
    await make_member(database, organization, eve, Role.WRITE)
    await sign_in(client, NAME)
    answer = await client.post("/settings/data/erase", data={"name": NAME})
    assert answer.status_code == 409
    assert "engines" in answer.text
    await make_member(database, organization, eve, Role.ADMIN)
    assert (await client.post("/settings/data/erase", data={"name": NAME})).status_code == 303


async def test_who_became_the_only_administrator_in_their_last_week_is_told_and_stays_another(
    app: FastAPI, client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    ada, eve = await make_user(database, NAME), await make_user(database, "eve")
    organization = await make_organization(database, ada, "engines")
    await make_member(database, organization, eve, Role.ADMIN)
    await sign_in(client, NAME)
    assert (await client.post("/settings/data/erase", data={"name": NAME})).status_code == 303
    await make_member(database, organization, eve, Role.WRITE)
    await a_week_passes(database)
    await erase_due(app)
    assert "engines" in (await mailbox.open(EMAIL))[-1]
    assert "Keep the account" in (await client.get("/settings/data")).text
    await make_member(database, organization, eve, Role.ADMIN)
    assert await erase_due(app) == 0
    await a_week_passes(database)
    await erase_due(app)
    assert (await mailbox.open(EMAIL))[-1].startswith("Your account was deleted")


@pytest.mark.parametrize("suspended", [True, False])
async def test_who_was_sent_away_does_not_come_back_under_the_same_address_by_leaving(
    app: FastAPI, client: httpx.AsyncClient, database: Database, *, suspended: bool
) -> None:
    await make_user(database, NAME)
    await sign_in(client, NAME)
    await client.post("/settings/data/erase", data={"name": NAME})
    if suspended:
        async with database.transaction() as db:
            await db.execute(text("UPDATE accounts_user SET suspended_at = now()"))
    await a_week_passes(database)
    assert await erase_due(app) == 1
    client.cookies.clear()
    form = {"name": "ada", "email": EMAIL.upper(), "password": PASSWORD}
    answer = await client.post("/signup", data=form)
    assert answer.status_code == (422 if suspended else 303)


async def test_who_has_left_is_told_nothing_more(
    app: FastAPI, client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await live_a_little(client, database)
    await client.post("/settings/data/erase", data={"name": NAME})
    await a_week_passes(database)
    await erase_due(app)
    async with database.transaction() as db:
        people = await service.people_by_id(db, [2])
    assert people[2].is_suspended
    assert NAME not in people[2].email


@pytest.mark.parametrize(("proved", "left"), [(False, EMAIL), (True, "")])
async def test_commits_are_found_by_an_address_only_if_it_was_proved(
    app: FastAPI, client: httpx.AsyncClient, database: Database, *, proved: bool, left: str
) -> None:
    await make_user(database, "eve")
    await make_user(database, NAME)
    await sign_in(client, "eve")
    await client.post("/api/repos/create", json={"name": "net", "type": "model"})
    async with database.transaction() as db:
        commits = "UPDATE hub_commit SET author_email = :email, author_id = NULL"
        await db.execute(text(commits), {"email": EMAIL})
        user = "UPDATE accounts_user SET erased_from = now(), email_confirmed_at = {} WHERE email"
        proof = user.format("now()" if proved else "NULL")
        await db.execute(text(f"{proof} = :email"), {"email": EMAIL})
    assert await erase_due(app) == 1
    async with database.transaction() as db:
        assert await db.scalar(text("SELECT author_email FROM hub_commit")) == left
