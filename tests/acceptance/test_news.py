"""News: in the site, by letter, by webhook; and how often a program may ask."""

import asyncio
import hashlib
import hmac
import json
import re
import time
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.settings import Settings
from app.webhooks.service import deliver_due
from tests.acceptance.conftest import API, Village
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.mail import PostOffice
from tests.webhooks.conftest import Receiver, receiver

__all__ = ["receiver"]
ENDING = "List-Unsubscribe"


async def test_a_mention_is_counted_within_two_seconds_and_ones_own_act_is_not(
    site: Site,
) -> None:
    database = site.app.state.database
    await make_user(database, "ada")
    eve = bearer(await make_token(database, await make_user(database, "eve"), "all"))
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as client:
        await sign_in(client, "ada")
        await client.post("/api/repos/create", json={"name": "net", "type": "model"})
        async with client.stream("GET", "/events") as answer:
            lines = answer.aiter_lines()

            async def count() -> int:
                async for line in lines:
                    if line.startswith("data: "):
                        return int(json.loads(line[6:])["unread"])
                pytest.fail("The stream ended.")

            assert await count() == 0
            began = time.monotonic()
            said = {"title": "Why", "description": "@ada"}
            await client.post(f"{API}/discussions", json=said, headers=eve)
            assert await count() == 1
            assert time.monotonic() - began < 2
            await client.post("/notifications", data={"action": "all-read"})
            assert await count() == 0
            await client.post(f"{API}/discussions/1/comment", json={"comment": "@ada @eve"})
            told = await client.get("/api/v1/notifications/count", headers=eve)
            while not told.json()["unread"]:
                await asyncio.sleep(0.05)
                told = await client.get("/api/v1/notifications/count", headers=eve)
            assert (await client.get("/api/v1/notifications/count")).json()["unread"] == 0


async def test_one_click_in_a_letter_ends_only_its_kind(
    village: Village, office: PostOffice, posting: Settings
) -> None:
    await village.prove_addresses()
    num = await village.discuss("eve")
    answer = f"{API}/discussions/{num}/comment"
    await village.post(answer, {"comment": "@ada"}, "bob")
    (letter,) = await village.mailed("ada", office)
    assert letter[f"{ENDING}-Post"] == f"{ENDING}=One-Click"
    address = re.sub(r"\s", "", str(letter[ENDING])).strip("<>")
    path = address.partition("/notifications")[2]
    ended = await village.client.post(f"/notifications{path}", data={ENDING: "One-Click"})
    assert ended.status_code == 200
    await village.post(answer, {"comment": "@ada again"}, "bob")
    asked = await village.ask("ada")
    await village.answer(asked["id"], "bob")
    subjects = [str(one["Subject"]) for one in await village.mailed("ada", office)]
    assert len(subjects) == 2
    assert asked["title"] in subjects[1]


async def test_what_waits_is_gathered_in_one_letter_a_week(
    village: Village, office: PostOffice, posting: Settings
) -> None:
    await village.prove_addresses()
    await village.discuss("eve", "First")
    await village.discuss("bob", "Second")
    assert await village.mailed("ada", office) == []
    async with village.database.transaction() as db:
        week = {"by": timedelta(days=7)}
        await db.execute(
            text("UPDATE notifications_notification SET created_at = now() - :by"), week
        )
    (letter,) = await village.mailed("ada", office)
    assert "2 threads" in str(letter["Subject"])


async def test_a_webhook_is_signed_and_sent_again_under_its_id(
    village: Village, app: FastAPI, receiver: Receiver
) -> None:
    app.state.settings = app.state.settings.model_copy(
        update={"outbound_allow": f"127.0.0.1:{receiver.port}"}
    )
    watched = [{"type": "user", "name": "ada"}]
    hook = {"url": receiver.url, "watched": watched, "domains": ["discussion"], "secret": "s3cret"}
    made = await village.post("/api/settings/webhooks", hook)
    assert made.status_code == 200, made.text
    await village.discuss("eve")
    await deliver_due(village.database, app.state.settings)
    here = f"/settings/webhooks/{int(made.json()['webhook']['id'], 16)}"
    async with village.browser("ada") as ada:
        found = re.search(rf"{here}/deliveries/\d+/replay", (await ada.get(here)).text)
        assert found
        assert (await ada.post(found[0])).status_code == 303
    await deliver_due(village.database, app.state.settings)
    first, last = receiver.messages[0], receiver.messages[-1]
    assert first is not last
    signed = re.fullmatch(r"t=(\d+),v1=(\w{64})", first.headers["x-webhook-signature"])
    assert signed
    told = signed[1].encode() + b"." + first.body
    assert hmac.new(b"s3cret", told, hashlib.sha256).hexdigest() == signed[2]
    assert first.headers["x-webhook-id"] == last.headers["x-webhook-id"]
