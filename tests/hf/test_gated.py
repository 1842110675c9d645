"""Gated repositories: what the card shows to all, the files only to who was let in."""

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.hf.conftest import Client

FILE = "/ada/net/resolve/main/weights.txt"
_CARD = b"---\nextra_gated_prompt: Be kind.\nextra_gated_fields:\n  Why: text\n---\n# Net\n"


class Door:
    """ada's repository and what she, bob and nobody get of it."""

    def __init__(self, client: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        self.client = client
        self.tokens = tokens

    async def call(self, who: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = bearer(self.tokens[who]) if who else {}
        return await self.client.request(method, path, json=body, headers=headers)

    async def gate(self, gated: object) -> None:
        answer = await self.call("ada", "PUT", "/api/models/ada/net/settings", {"gated": gated})
        assert answer.json()["gated"] == gated

    async def ask(self, who: str, **fields: str) -> httpx.Response:
        return await self.call(
            who, "POST", "/api/models/ada/net/ask-access", {"fields": {"Why": "science", **fields}}
        )

    async def handle(self, status: str, **more: object) -> httpx.Response:
        path = "/api/models/ada/net/user-access-request/handle"
        return await self.call("ada", "POST", path, {"user": "bob", "status": status, **more})

    async def list(self, status: str, who: str = "ada") -> httpx.Response:
        return await self.call(who, "GET", f"/api/models/ada/net/user-access-request/{status}")


@pytest.fixture
async def door(client: httpx.AsyncClient, database: Database, app: FastAPI) -> Door:
    ada, bob = await make_user(database, "ada"), await make_user(database, "bob")
    files = {"README.md": _CARD, "weights.txt": b"1 2 3"}
    await make_repository(database, app.state.storage, ada, "net", files=files)
    tokens = {"ada": await make_token(database, ada), "bob": await make_token(database, bob)}
    return Door(client, tokens)


async def test_a_gate_stands_before_the_files_and_not_before_the_description(door: Door) -> None:
    await door.gate("manual")
    stranger, visitor = await door.call("bob", "GET", FILE), await door.call("", "GET", FILE)
    described = await door.call("", "GET", "/api/models/ada/net")
    owner = await door.call("ada", "GET", FILE)
    assert (stranger.status_code, visitor.status_code, owner.status_code) == (403, 401, 200)
    for answer in (stranger, visitor):
        assert answer.headers["x-error-code"] == "GatedRepo"
        assert (
            "Access to model ada/net is restricted and you are not in the authorized list"
            in answer.headers["x-error-message"]
        )
    assert described.json()["gated"] == "manual"


async def test_an_automatic_gate_lets_in_who_agrees(door: Door) -> None:
    await door.gate("auto")
    made = await door.ask("bob")
    again = await door.ask("bob")
    assert made.json()["status"] == "accepted"
    assert (await door.call("bob", "GET", FILE)).content == b"1 2 3"
    assert again.status_code == 409


async def test_the_questions_of_the_gate_must_be_answered(door: Door) -> None:
    await door.gate("auto")
    answer = await door.ask("bob", Why=" ")
    assert (answer.status_code, answer.json()["code"]) == (400, "field_missing")
    assert (await door.call("bob", "GET", FILE)).status_code == 403


async def test_a_request_is_listed_answered_and_never_answered_the_same_way_twice(
    door: Door,
) -> None:
    await door.gate("manual")
    await door.ask("bob")
    (row,) = (await door.list("pending")).json()
    assert row["user"] == {
        "user": "bob", "fullname": "bob", "type": "user", "avatarUrl": "", "isPro": False,
    }  # fmt: skip
    assert (row["status"], row["fields"]) == ("pending", {"Why": "science"})
    assert (await door.handle("pending")).status_code == 409
    assert (await door.handle("accepted")).status_code == 200
    assert (await door.handle("accepted")).status_code == 409
    assert (await door.call("bob", "GET", FILE)).status_code == 200
    assert (await door.handle("rejected", rejectionReason="no")).status_code == 200
    (rejected,) = (await door.list("rejected")).json()
    assert rejected["rejectionReason"] == "no"
    assert (await door.call("bob", "GET", FILE)).status_code == 403
    assert (await door.list("accepted")).json() == []


async def test_a_request_is_found_by_its_id_too(door: Door) -> None:
    await door.gate("manual")
    await door.ask("bob")
    (row,) = (await door.list("pending")).json()
    path = "/api/models/ada/net/user-access-request/handle"
    body = {"requestId": row["requestId"], "status": "accepted"}
    unknown = {"requestId": "f" * 24, "status": "accepted"}
    assert (await door.call("ada", "POST", path, unknown)).status_code == 404
    assert (await door.call("ada", "POST", path, body)).status_code == 200
    assert (await door.call("bob", "GET", FILE)).status_code == 200


async def test_only_who_writes_sees_and_answers_requests(door: Door) -> None:
    await door.gate("manual")
    await door.ask("bob")
    path = "/api/models/ada/net/user-access-request"
    answers = [
        await door.list("pending", "bob"),
        await door.call("bob", "POST", f"{path}/handle", {"user": "bob", "status": "accepted"}),
        await door.call("bob", "POST", f"{path}/grant", {"user": "bob"}),
        await door.list("pending", ""),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 401]


async def test_every_door_to_content_asks_at_the_gate(door: Door) -> None:
    await door.gate("manual")
    head = (await door.call("ada", "GET", "/api/models/ada/net")).json()["sha"]
    doors = [
        FILE,
        f"/api/v1/repos/models/ada/net/archive/{head}.tar",
        "/ada/net/blob/main/weights.txt",
        f"/ada/net/commit/{head}",
        "/ada/net.git/info/refs?service=git-upload-pack",
        "/api/models/ada/net/xet-read-token/main",
        "/api/models/ada/net/auth-check",
    ]
    closed = {path: (await door.call("bob", "GET", path)).status_code for path in doors}
    await door.ask("bob")
    await door.handle("accepted")
    opened = {path: (await door.call("bob", "GET", path)).status_code for path in doors}
    assert set(closed.values()) == {403}
    assert set(opened.values()) == {200}


async def test_lifting_the_gate_opens_the_files(door: Door) -> None:
    await door.gate("manual")
    await door.gate(False)
    wrong = await door.call("ada", "PUT", "/api/models/ada/net/settings", {"gated": "perhaps"})
    assert (await door.call("", "GET", FILE)).status_code == 200
    assert wrong.status_code == 400


async def test_the_stock_client_runs_the_whole_course(hf: Client, database: Database) -> None:
    bob = await make_token(database, await make_user(database, "bob"))
    await make_user(database, "eve")
    result = hf(
        f"""
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
import httpx2
bob = {bob!r}
api.create_repo("ada/net")
api.upload_file(path_or_fileobj=b"x", path_in_repo="w.txt", repo_id="ada/net")
api.update_repo_settings("ada/net", gated="manual")
def attempt(call):
    try:
        call()
        return "done"
    except GatedRepoError:
        return "gated"
    except HfHubHTTPError as error:
        return error.response.status_code
import tempfile
get = lambda: hf_hub_download("ada/net", "w.txt", token=bob, cache_dir=tempfile.mkdtemp())
seen = [attempt(get), attempt(lambda: api.auth_check("ada/net", token=bob))]
httpx2.post(os.environ["HF_ENDPOINT"] + "/api/models/ada/net/ask-access",
            headers={{"Authorization": "Bearer " + bob}})
seen.append([r.username for r in api.list_pending_access_requests("ada/net")])
api.accept_access_request("ada/net", "bob")
seen += [attempt(get), attempt(lambda: api.accept_access_request("ada/net", "bob"))]
api.reject_access_request("ada/net", "bob", rejection_reason="no")
seen += [attempt(get), len(list(api.list_rejected_access_requests("ada/net")))]
api.cancel_access_request("ada/net", "bob")
api.grant_access("ada/net", "eve")
seen += [len(list(api.list_pending_access_requests("ada/net"))),
         [r.username for r in api.list_accepted_access_requests("ada/net")],
         api.model_info("ada/net").gated]
result = seen
"""
    )
    assert result == [
        "gated", "gated", ["bob"], "done", 409, "gated", 1, 1, ["eve"], "manual",
    ]  # fmt: skip
