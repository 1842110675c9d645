"""News reach who watches and may know: signed, retried, replayable, telling nothing back."""

import asyncio
import hashlib
import hmac
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.accounts.schemas import Role
from app.core.db import Database
from app.core.storage import BlobStore
from tests.factories.accounts import (
    bearer,
    make_member,
    make_organization,
    make_token,
    make_user,
    sign_in,
)
from tests.factories.hub import make_commit, make_repository
from tests.webhooks.conftest import Post, Receiver

WATCH_ADA = [{"type": "user", "name": "ada"}]
API = "/api/settings/webhooks"


async def hook(client: httpx.AsyncClient, token: str, url: str, **more: Any) -> dict[str, Any]:
    body = {"url": url, "watched": WATCH_ADA, "domains": ["repo", "discussion"], **more}
    answer = await client.post(API, json=body, headers=bearer(token))
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["webhook"]
    return made


async def states(database: Database) -> list[str]:
    async with database.transaction() as db:
        rows = await db.execute(text("SELECT state FROM webhooks_delivery ORDER BY id"))
        return [row[0] for row in rows]


async def make_due(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(text("UPDATE webhooks_delivery SET due_at = now() - interval '1 second'"))


async def test_a_commit_is_told_in_the_shape_clients_read(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    repository = await make_repository(database, app_storage, ada, "tiny")
    made = await hook(client, await make_token(database, ada), receiver.url, secret="s3cret")
    before = repository.head
    commit = await make_commit(database, app_storage, ada, repository, {"a.txt": b"a"})
    assert await post.deliver() == 1
    (message,) = receiver.messages
    told = message.payload
    assert told["event"] == {"action": "update", "scope": "repo.content"}
    assert told["updatedRefs"] == [
        {"ref": "refs/heads/main", "oldSha": before, "newSha": commit.oid}
    ]
    assert (told["repo"]["type"], told["repo"]["name"]) == ("model", "ada/tiny")
    assert told["repo"]["headSha"] == commit.oid
    assert told["webhook"] == {"id": made["id"], "version": 3}
    assert await states(database) == ["delivered"]
    assert await post.deliver() == 0


async def test_branches_and_tags_that_come_and_go_are_told_of(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    repository = await make_repository(database, app_storage, ada, "tiny")
    token = await make_token(database, ada, "write")
    await hook(client, token, receiver.url)
    api, headers = "/api/models/ada/tiny", bearer(token)
    await client.post(f"{api}/branch/dev", json={}, headers=headers)
    await client.post(f"{api}/tag/main", json={"tag": "v1"}, headers=headers)
    await client.delete(f"{api}/branch/dev", headers=headers)
    await client.delete(f"{api}/tag/v1", headers=headers)
    squashed = await client.post(f"{api}/super-squash/main", json={}, headers=headers)
    await post.deliver()
    told = [message.payload["updatedRefs"] for message in receiver.messages]
    refs = [(one["ref"], one["oldSha"], one["newSha"]) for (one,) in told]
    old, new = repository.head, (await client.get(api, headers=headers)).json()["sha"]
    assert squashed.status_code == 200, squashed.text
    assert set(refs) == {
        ("refs/heads/dev", None, old), ("refs/heads/dev", old, None),
        ("refs/tags/v1", None, old), ("refs/tags/v1", old, None),
        ("refs/heads/main", old, new),
    }  # fmt: skip
    assert new != old


async def test_the_payload_is_what_the_stock_client_parses(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    from huggingface_hub import WebhookPayload

    ada = await make_user(database, "ada")
    await hook(client, await make_token(database, ada), receiver.url)
    await make_repository(database, app_storage, ada, "tiny", files={"a.txt": b"a"})
    await post.deliver()
    read = [WebhookPayload.model_validate_json(m.body) for m in receiver.messages]
    kinds = {(payload.event.action, payload.event.scope) for payload in read}
    assert kinds == {("create", "repo"), ("update", "repo.content")}


async def test_a_message_proves_its_sender_and_its_age(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    await hook(client, await make_token(database, ada), receiver.url, secret="s3cret")
    await make_repository(database, app_storage, ada, "tiny")
    await post.deliver()
    (message,) = receiver.messages
    assert message.headers["x-webhook-secret"] == "s3cret"
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", message.headers["x-webhook-signature"])
    assert found
    signed = found[1].encode() + b"." + message.body
    assert hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest() == found[2]


async def test_a_private_repository_is_told_only_to_who_may_read_it_then(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada, eve = await make_user(database, "ada"), await make_user(database, "eve")
    team = await make_organization(database, ada, "team")
    await make_member(database, team, eve, Role.READ)
    watch = [{"type": "org", "name": "team"}]
    await hook(client, await make_token(database, eve), receiver.url, watched=watch)
    repository = await make_repository(database, app_storage, ada, "hidden", private=True)
    await make_commit(database, app_storage, ada, repository, {"a.txt": b"a"})
    assert await states(database) == []  # ada's own, not the team's
    headers = bearer(await make_token(database, ada))
    body = {"name": "team-hidden", "organization": "team", "private": True}
    assert (await client.post("/api/repos/create", json=body, headers=headers)).status_code == 200
    assert await states(database) == ["waiting"]
    await make_member(database, team, eve, Role.NO_ACCESS)
    assert await post.deliver() == 1
    assert receiver.messages == []
    assert await states(database) == ["dropped"]


async def test_a_repository_that_moves_and_goes_is_told_of(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    await make_repository(database, app_storage, ada, "tiny", private=True)
    token = await make_token(database, ada)
    watch = [{"type": "model", "name": "ada/tiny"}]
    await hook(client, token, receiver.url, watched=watch)
    headers = bearer(token)
    move = {"fromRepo": "ada/tiny", "toRepo": "ada/small", "type": "model"}
    await client.post("/api/repos/move", json=move, headers=headers)
    settings = {"private": False}
    await client.put("/api/models/ada/small/settings", json=settings, headers=headers)
    await client.request("DELETE", "/api/repos/delete", json={"name": "ada/small"}, headers=headers)
    await post.deliver()
    told = sorted(
        (m.payload["event"]["action"], m.payload["repo"]["name"]) for m in receiver.messages
    )
    assert told == [("delete", "ada/small"), ("move", "ada/tiny"), ("update", "ada/small")]
    moved = next(m.payload for m in receiver.messages if m.payload["event"]["action"] == "move")
    assert moved["movedTo"]["name"] == "ada/small"


async def test_a_discussion_and_its_comments_are_told_of(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    await make_repository(database, app_storage, ada, "tiny")
    token = await make_token(database, ada)
    await hook(client, token, receiver.url, domains=["discussions"])
    at, headers = "/api/models/ada/tiny/discussions", bearer(token)
    opened = {"title": "Why so small?", "description": "I wonder.", "pullRequest": False}
    assert (await client.post(at, json=opened, headers=headers)).status_code == 200
    await client.post(f"{at}/1/comment", json={"comment": "It fits."}, headers=headers)
    await post.deliver()
    by_scope = {m.payload["event"]["scope"]: m.payload for m in receiver.messages}
    assert by_scope["discussion"]["discussion"]["title"] == "Why so small?"
    assert by_scope["discussion.comment"]["comment"]["content"] == "It fits."


async def test_a_failure_is_tried_again_later_under_the_same_id(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    await hook(client, await make_token(database, ada), receiver.url)
    await make_repository(database, app_storage, ada, "tiny")
    receiver.status = "500 Oh no"
    assert await post.deliver() == 1
    assert await post.deliver() == 0  # not before its time
    receiver.status = "204 No Content"
    await make_due(database)
    assert await post.deliver() == 1
    first, second = receiver.messages
    assert first.headers["x-webhook-id"] == second.headers["x-webhook-id"]
    assert second.headers["x-webhook-attempt"] == "2"
    assert await states(database) == ["delivered"]


async def test_twenty_failures_in_a_row_switch_it_off_until_its_owner_switches_it_on(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    token = await make_token(database, ada)
    made = await hook(client, token, receiver.url)
    repository = await make_repository(database, app_storage, ada, "tiny")
    receiver.status = "404 Not Found"
    for number in range(3):
        await make_commit(database, app_storage, ada, repository, {f"{number}.txt": b"a"})
    for _round in range(5):
        await post.deliver()
        await make_due(database)
    assert set(await states(database)) == {"dropped"}
    here, headers = f"{API}/{made['id']}", bearer(token)
    assert (await client.get(here, headers=headers)).json()["webhook"]["disabled"] is True
    await make_commit(database, app_storage, ada, repository, {"quiet.txt": b"a"})
    assert await post.deliver() == 0
    on = await client.post(f"{here}/enable", headers=headers)
    assert on.json()["webhook"]["disabled"] is False


@pytest.mark.parametrize("port", ["closed", "error", "redirect", "forbidden"])
async def test_the_history_looks_the_same_whatever_went_wrong(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
    port: str,
) -> None:
    ada = await make_user(database, "ada")
    receiver.status = "302 Found" if port == "redirect" else "418 Teapot"
    url = "http://127.0.0.1:9/hook" if port == "closed" else receiver.url
    made = await hook(client, await make_token(database, ada), url)
    if port == "forbidden":
        async with database.transaction() as db:
            await db.execute(text("UPDATE webhooks_webhook SET url = 'http://127.0.0.1:22/'"))
    await make_repository(database, app_storage, ada, "tiny")
    await post.deliver()
    await sign_in(client, "ada")
    page = (await client.get(f"/settings/webhooks/{int(made['id'], 16)}")).text
    row = page[page.index("<tbody>") : page.index("</tbody>")]
    assert "waiting" in row
    seen = re.sub(r"<[^>]*>", " ", row)  # the attributes hold moments, of any digits
    for told in ("418", "302", "secret", "refused", "timeout"):
        assert told not in seen
    assert (len(receiver.messages) > 0) == (port in {"error", "redirect"})


async def test_a_message_is_sent_again_under_its_old_id(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    made = await hook(client, await make_token(database, ada), receiver.url)
    await make_repository(database, app_storage, ada, "tiny")
    await post.deliver()
    await sign_in(client, "ada")
    here = f"/settings/webhooks/{int(made['id'], 16)}"
    (again,) = re.findall(rf"{here}/deliveries/\d+/replay", (await client.get(here)).text)
    assert (await client.post(again)).status_code == 303
    await post.deliver()
    first, second = receiver.messages
    assert first.body == second.body
    assert first.headers["x-webhook-id"] == second.headers["x-webhook-id"]


async def test_two_processes_send_each_message_once(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    ada = await make_user(database, "ada")
    await hook(client, await make_token(database, ada), receiver.url)
    for number in range(30):
        await make_repository(database, app_storage, ada, f"tiny{number}")
    while sum(await asyncio.gather(*(post.deliver() for _process in range(3)))):
        continue
    ids = [message.headers["x-webhook-id"] for message in receiver.messages]
    assert len(ids) == len(set(ids)) == 30


async def test_a_message_held_by_a_process_that_died_is_sent_by_another(
    client: httpx.AsyncClient,
    database: Database,
    app_storage: BlobStore,
    receiver: Receiver,
    post: Post,
) -> None:
    from app.webhooks import queries

    ada = await make_user(database, "ada")
    await hook(client, await make_token(database, ada), receiver.url)
    await make_repository(database, app_storage, ada, "tiny")
    async with database.transaction() as db:
        from datetime import timedelta

        assert len(await queries.take_due(db, 10, timedelta(minutes=2))) == 1
    assert await post.deliver() == 0
    await make_due(database)
    assert await post.deliver() == 1
    assert len(receiver.messages) == 1
