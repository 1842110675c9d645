"""Every door to the content of a repository, for everybody, by every kind of credential.

The attack: what one door refuses is fetched through its sibling, or with another credential of the
same person: the file, its page, git, large files, bundles, the archive, the viewer, a job. What
opens is decided by person and repository alone. Short-lived credentials open what they were made
for and nothing else.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.accounts.schemas import AccountRef, Role
from app.core.db import Database
from app.hub.schemas import RepositoryKind
from tests.factories.accounts import (
    bearer,
    make_member,
    make_organization,
    make_token,
    make_user,
    sign_in,
)
from tests.factories.hub import make_repository
from tests.factories.jobs import TINY_CONFIG, FakeWorker, class_folders, recipe_values

MARK = b"the-content-that-must-not-leak"
LARGE = b"\0" + MARK * 9
OID = hashlib.sha256(LARGE).hexdigest()
STATES = ("public", "private", "gated", "closed")
PEOPLE = ("stranger", "pending", "rejected", "accepted", "reader", "siteadmin")
SIGNED_IN = ("rejected", "accepted", "reader")  # a password costs time
# Who gets content, besides the house and the site's admin.
OPEN: dict[str, set[str]] = {
    "public": {"visitor", *PEOPLE}, "gated": {"accepted"}, "private": set(), "closed": set()
}  # fmt: skip


def may_open(who: str, state: str) -> bool:
    is_of_the_house = who in {"owner", "reader"} and state != "closed"
    return is_of_the_house or who == "siteadmin" or who in OPEN[state]


@dataclass(frozen=True)
class Door:
    """A request for content; the address has places for the repository and its newest commit."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def _recipe(base: str, data: str) -> bytes:
    return json.dumps({"recipe": recipe_values(base, data)}).encode()


_JSON = {"Content-Type": "application/json"}
_BATCH = {"operation": "download", "objects": [{"oid": OID, "size": len(LARGE)}]}
_CHECK = "/api/v1/recipes/check"
DOORS = {
    "file": Door("/lab/{name}/resolve/main/a.txt"),
    "large file": Door("/lab/{name}/resolve/main/w.bin"),
    "page": Door("/lab/{name}/blob/main/a.txt"),
    "change": Door("/lab/{name}/commit/{sha}"),
    "header": Door("/api/models/lab/{name}/safetensors-metadata/model.safetensors"),
    "git": Door("/lab/{name}.git/info/refs?service=git-upload-pack"),
    "pack": Door("/lab/{name}/git-upload-pack", "POST", b"0032want {sha}\n00000009done\n"),
    "lfs": Door("/lab/{name}.git/info/lfs/objects/batch", "POST", json.dumps(_BATCH).encode()),
    "xet": Door("/api/models/lab/{name}/xet-read-token/main"),
    "archive": Door("/api/v1/repos/models/lab/{name}/archive/{sha}.tar"),
    "viewer": Door("/api/v1/datasets/lab/{name}/inventory"),
    "job on it": Door(_CHECK, "POST", _recipe("lab/{name}", "lab/public"), _JSON),
    "job over it": Door(_CHECK, "POST", _recipe("lab/public", "lab/{name}"), _JSON),
}


def _basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"user:{token}".encode()).decode()}


@dataclass
class House:
    """An organisation's repositories, people around it, and what each of them can show."""

    client: httpx.AsyncClient
    app: FastAPI
    people: dict[str, AccountRef]
    carriers: dict[str, dict[str, dict[str, str]]]
    heads: dict[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> dict[str, str]:
        return self.carriers["owner"]["bearer"]

    async def call(self, door: Door, name: str, headers: dict[str, str]) -> httpx.Response:
        sha = self.heads[name]
        body = door.body and door.body.replace(b"{name}", name.encode()).replace(
            b"{sha}", sha.encode()
        )
        return await self.client.request(
            door.method,
            door.path.format(name=name, sha=sha),
            content=body,
            headers=door.headers | headers,
        )

    async def keep_large_file(self, name: str) -> None:
        """Send a large file into a repository, as the stock client does."""
        batch = f"/lab/{name}.git/info/lfs/objects/batch"
        asked = await self.client.post(
            batch, json=_BATCH | {"operation": "upload"}, headers=self.owner
        )
        action = asked.json()["objects"][0]["actions"]["upload"]
        assert (await self.client.put(action["href"], content=LARGE)).status_code == 200
        line = {"key": "lfsFile", "value": {"path": "w.bin", "oid": OID, "size": len(LARGE)}}
        made = await self.client.post(
            f"/api/models/lab/{name}/commit/main", content=json.dumps(line), headers=self.owner
        )
        self.heads[name] = made.json()["commitOid"]


async def _carriers(client: httpx.AsyncClient, database: Database, who: AccountRef) -> dict[
    str, dict[str, str]
]:  # fmt: skip
    token = await make_token(database, who, "all")
    if who.name not in SIGNED_IN:
        return {"bearer": bearer(token), "basic": _basic(token)}
    client.cookies.clear()
    await sign_in(client, who.name)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    client.cookies.clear()
    # A browser says of its own page's requests where they come from.
    browser = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    return {"bearer": bearer(token), "basic": _basic(token), "cookie": browser}


async def _people(database: Database) -> tuple[AccountRef, dict[str, AccountRef]]:
    owner = await make_user(database, "owner")
    lab = await make_organization(database, owner, "lab")
    people = {"owner": owner}
    for name in PEOPLE:
        people[name] = await make_user(database, name, is_admin=name == "siteadmin")
    await make_member(database, lab, people["reader"], Role.READ)
    return lab, people


@pytest.fixture
async def house(client: httpx.AsyncClient, database: Database, app: FastAPI) -> House:
    lab, people = await _people(database)
    carriers = {name: await _carriers(client, database, who) for name, who in people.items()}
    house = House(client, app, people, {**carriers, "visitor": {"nothing": {}}})
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    files = {
        "a.txt": MARK,
        "config.json": json.dumps(TINY_CONFIG).encode(),
        "model.safetensors": len(header).to_bytes(8, "little") + header + bytes(4),
    }
    for state in STATES:
        for kind, content in ((RepositoryKind.MODEL, files), (RepositoryKind.DATASET, PICTURES)):
            await make_repository(
                database, app.state.storage, lab, state,
                kind=kind, private=state == "private", files=content,
            )  # fmt: skip
        await house.keep_large_file(state)
    await _shut(house, database)
    return house


PICTURES = class_folders()


async def _shut(house: House, database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(text("UPDATE hub_repository SET gated = 'manual' WHERE name = 'gated'"))
        await db.execute(text("UPDATE hub_repository SET disabled = true WHERE name = 'closed'"))
    for kind in ("models", "datasets"):
        address = f"/api/{kind}/lab/gated"
        for name in ("pending", "rejected", "accepted"):
            headers = house.carriers[name]["bearer"]
            asked = await house.client.post(f"{address}/ask-access", json={}, headers=headers)
            assert asked.status_code == 200, asked.text
            if name != "pending":
                await _answer(house, kind, name, name)


async def _answer(house: House, kind: str, name: str, status: str) -> None:
    handled = await house.client.post(
        f"/api/{kind}/lab/gated/user-access-request/handle",
        json={"user": name, "status": status},
        headers=house.owner,
    )
    assert handled.status_code == 200, handled.text


# Behind a gate everybody is asked, and these two by every credential they have.
ASKED = [
    *(("public", who) for who in ("visitor", "rejected")),
    *(("private", who) for who in ("visitor", "stranger", "reader", "owner", "siteadmin")),
    *(("gated", who) for who in ("visitor", "owner", *PEOPLE)),
    *(("closed", who) for who in ("visitor", "accepted", "owner", "siteadmin")),
]
BY_EVERY_CREDENTIAL = {("gated", "accepted"), ("gated", "rejected")}


async def test_every_door_asks_the_same_question_whatever_the_credential(house: House) -> None:
    wrong = []
    for state, who in ASKED:
        ways = list(house.carriers[who].values())
        for number, (name, door) in enumerate(DOORS.items()):
            if who == "visitor" and door.path == _CHECK:
                continue  # a job has an owner
            tried = ways if (state, who) in BY_EVERY_CREDENTIAL else [ways[number % len(ways)]]
            for headers in tried:
                answer = await house.call(door, state, headers)
                opened = answer.status_code < 400
                if opened != may_open(who, state) or (MARK in answer.content and not opened):
                    wrong.append((name, state, who, sorted(headers), answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


async def test_the_credential_of_a_job_opens_its_own_inputs_while_its_owner_may(
    house: House,
) -> None:
    accepted = house.carriers["accepted"]["bearer"]
    body = {"recipe": recipe_values("lab/gated", "lab/public")}
    made = await house.client.post("/api/v1/jobs", json=body, headers=accepted)
    assert made.status_code == 201, made.text
    worker = FakeWorker(house.client)
    assert await worker.claim(("cpu", "gpu"))

    before = {name: await _opened(house, name, worker.headers) for name in STATES}
    await _answer(house, "models", "accepted", "rejected")
    after = await _opened(house, "gated", worker.headers)

    # Its data set is public, its base stands behind the gate; a check of recipes is not its right.
    of_models = DOORS.keys() - {"viewer", "job on it", "job over it"}
    assert before == {
        "public": {"viewer"}, "private": set(), "gated": of_models, "closed": set()
    }  # fmt: skip
    assert after == set()


async def _opened(house: House, name: str, headers: dict[str, str]) -> set[str]:
    return {
        door
        for door, where in DOORS.items()
        if (await house.call(where, name, headers)).status_code < 400
    }
