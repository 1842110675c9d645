"""Robots of chat rooms: a sentence in the owner's language, shaped and signed as each wants."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.core.db import Database
from tests.factories.accounts import make_user, sign_in
from tests.webhooks.conftest import Post, Receiver
from tests.webhooks.test_delivery import states

FORM = {"watched": "user ada", "domains": ["repo", "discussion"]}


async def _room(client: httpx.AsyncClient, database: Database, url: str, **more: str) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    made = await client.post("/settings/webhooks", data={**FORM, "url": url, **more})
    assert made.status_code == 303, made.text


async def _talk(client: httpx.AsyncClient) -> None:
    await client.post("/api/repos/create", json={"name": "net", "type": "model"})
    said = {"title": "Why?", "description": "Words"}
    await client.post("/api/models/ada/net/discussions", json=said)


def _digest(key: str, words: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), words.encode(), hashlib.sha256)).decode()


async def test_a_room_at_feishu_reads_a_signed_sentence(
    client: httpx.AsyncClient, database: Database, receiver: Receiver, post: Post
) -> None:
    await _room(client, database, receiver.url, style="feishu", secret="s3cret")
    await _talk(client)
    await post.deliver()
    told = [one.payload for one in receiver.messages]
    texts = {one["content"]["text"].split("\n")[0] for one in told}
    assert texts == {"ada/net is new.", "New discussion of ada/net: Why?"}
    assert any("/ada/net/discussions/1" in one["content"]["text"] for one in told)
    assert {one["msg_type"] for one in told} == {"text"}
    assert all(one["sign"] == _digest(f"{one['timestamp']}\ns3cret", "") for one in told)
    assert "x-webhook-secret" not in receiver.messages[0].headers


async def test_a_room_at_dingtalk_is_called_at_a_signed_address(
    client: httpx.AsyncClient, database: Database, receiver: Receiver, post: Post
) -> None:
    address = f"{receiver.url}?access_token=t"
    await _room(client, database, address, style="dingtalk", secret="s3cret")
    await client.patch("/api/v1/me", json={"language": "zh-CN"})
    await _talk(client)
    await post.deliver()
    (first, *_others) = receiver.messages
    query = parse_qs(urlsplit(first.target).query)
    (stamp,), (sign,) = query["timestamp"], query["sign"]
    assert sign == _digest("s3cret", f"{stamp}\ns3cret")
    assert query["access_token"] == ["t"]
    texts = {one.payload["text"]["content"].split("\n")[0] for one in receiver.messages}
    assert texts == {"新建了 ada/net。", "ada/net 有新的讨论：Why?"}


async def test_a_robot_that_refuses_in_a_friendly_answer_is_asked_again(
    client: httpx.AsyncClient,
    database: Database,
    receiver: Receiver,
    post: Post,
) -> None:
    receiver.answers = b'{"errcode": 93000, "errmsg": "invalid webhook url"}'
    await _room(client, database, receiver.url, style="wecom")
    await _talk(client)
    await post.deliver()
    assert set(await states(database)) == {"waiting"}
    assert {one.payload["msgtype"] for one in receiver.messages} == {"text"}


@pytest.mark.parametrize("style", ["telegram", "JSON"])
async def test_a_style_that_is_none_is_refused(
    client: httpx.AsyncClient, database: Database, receiver: Receiver, style: str
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {**FORM, "url": receiver.url, "style": style}
    assert (await client.post("/settings/webhooks", data=form)).status_code == 422
