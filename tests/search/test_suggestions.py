"""Names are offered while somebody types, and only those that they may see."""

from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from app.accounts.schemas import AccountRef
from app.core.db import AsyncSession, Database
from app.core.storage import BlobStore
from app.hub.schemas import RepositoryKind
from app.questions import service as questions
from tests.factories.accounts import bearer, make_organization, make_token, make_user
from tests.factories.hub import make_repository
from tests.factories.jobs import make_job
from tests.hub.conftest import Hub, hub, storage

__all__ = ["hub", "storage"]


async def offered(client: httpx.AsyncClient, starts: str, kinds: str = "", **headers: str) -> Any:
    asked = {"starts": starts} | ({"kinds": kinds} if kinds else {})
    answer = await client.get("/api/v1/suggest", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def names(client: httpx.AsyncClient, starts: str, kinds: str = "", **headers: str) -> Any:
    return [one["name"] for one in await offered(client, starts, kinds, **headers)]


async def ask(hub: Hub, title: str) -> int:
    async with hub.database.transaction() as db:
        await questions.plant_tags(db)
    body = {"title": title, "body": "It does.", "tags": ["nlp"]}
    asked = await hub.post("/api/v1/questions", body)
    assert asked.status_code in {200, 201}, asked.text
    return int(asked.json()["id"])


async def test_a_model_is_offered_by_its_name_and_by_its_owner_in_any_case(hub: Hub) -> None:
    wanted = {"kind": "model", "name": "ada/net", "label": "", "address": "/ada/net"}
    for typed in ("ne", "NET", "#net", "ad", "ada/", "Ada/N", "ada/net", "  net "):
        assert await offered(hub.client, typed, "model") == [wanted], typed
    assert await offered(hub.client, "et", "model") == []
    assert await offered(hub.client, "ada/net/", "model") == []


async def test_a_data_set_is_offered_with_and_without_its_prefix(hub: Hub) -> None:
    await make_repository(
        hub.database, hub.storage, hub.owner, "flowers", kind=RepositoryKind.DATASET
    )
    for typed in ("flow", "datasets/flow", "#datasets/ada/fl", "ada/f"):
        (one,) = await offered(hub.client, typed, "model,dataset")
        assert (one["name"], one["address"]) == ("ada/flowers", "/datasets/ada/flowers"), typed


@pytest.mark.parametrize("typed", ["secr", "ada/", "ada/secr", "lab/", "ada", "lab"])
async def test_a_private_model_is_offered_to_those_who_may_see_it_alone(
    client: httpx.AsyncClient, database: Database, storage: BlobStore, typed: str
) -> None:
    ada, eve = await make_user(database, "ada"), await make_user(database, "eve")
    lab = await make_organization(database, ada, "lab")
    for owner in (ada, lab):
        await make_repository(database, storage, owner, "secret-net", private=True)
    hers = await names(
        client, typed, "model", **bearer(await make_token(database, ada, "repos:read"))
    )
    assert hers
    assert all(name.endswith("/secret-net") for name in hers)
    others = bearer(await make_token(database, eve, "all"))
    assert await names(client, typed, "model", **others) == []
    assert await names(client, typed, "model") == []


async def test_people_are_offered_by_both_of_their_names(
    client: httpx.AsyncClient, database: Database
) -> None:
    wei = await make_user(database, "zhang-wei")
    token = bearer(await make_token(database, wei, "all"))
    changed = await client.patch("/api/v1/me", json={"display_name": "张伟"}, headers=token)
    assert changed.status_code == 200, changed.text
    wanted = {
        "kind": "account",
        "name": "zhang-wei",
        "label": "张伟",
        "address": "/zhang-wei",
    }
    for typed in ("zh", "@Zhang-", "张", "张伟"):
        assert await offered(client, typed, "account") == [wanted], typed
    assert await offered(client, "wei", "account") == []


@pytest.mark.parametrize(
    "away", ["suspended_at = now()", "erased_at = now()", "suspended_until = now()"]
)
async def test_who_is_suspended_or_has_left_is_not_offered(
    client: httpx.AsyncClient, database: Database, away: str
) -> None:
    wei = await make_user(database, "zhang-wei")
    token = bearer(await make_token(database, wei, "all"))
    await client.patch("/api/v1/me", json={"display_name": "张伟"}, headers=token)
    async with database.transaction() as db:
        await db.execute(text(f"UPDATE accounts_user SET {away}"))
    is_offered = "until" in away  # an end alone suspends nobody
    for typed in ("zh", "张"):
        assert bool(await offered(client, typed, "account")) is is_offered, typed


async def test_a_question_is_offered_by_title_and_number_until_it_is_hidden(hub: Hub) -> None:
    number = await ask(hub, "微调之后为什么精度反而下降了")
    for typed in ("微调", "微", f"question-{number}", "question-", f"q-{number}", str(number)):
        (one,) = await offered(hub.client, typed, "question")
        assert one["name"] == f"question-{number}", typed
        assert one["label"] == "微调之后为什么精度反而下降了"
        assert one["address"] == f"/questions/{number}"
    async with hub.database.transaction() as db:
        await db.execute(text("UPDATE questions_question SET is_hidden = true"))
    for typed in ("微调", f"question-{number}", "question-"):
        assert await offered(hub.client, typed, "question") == []


async def test_own_jobs_are_offered_the_newest_first_and_nobody_elses(
    client: httpx.AsyncClient, database: Database, db: AsyncSession
) -> None:
    ada, eve = await make_user(database, "ada"), await make_user(database, "eve")
    root = await make_user(database, "grace", is_admin=True)
    jobs = [(await make_job(db, ada.id, name=f"orchids-{n}")).id for n in range(3)]
    await db.commit()
    hers = bearer(await make_token(database, ada, "read"))
    newest = [f"job-{number}" for number in reversed(jobs)]
    for typed in ("job-", "#job-", "jo", "orch"):
        assert await names(client, typed, "job", **hers) == newest, typed
    assert f"job-{jobs[0]}" in await names(client, f"job-{jobs[0]}", "job", **hers)
    strangers: list[tuple[AccountRef, str]] = [(eve, "all"), (root, "all"), (ada, "repos:read")]
    for account, scope in strangers:
        other = bearer(await make_token(database, account, scope))
        assert await names(client, "job-", "job", **other) == []
    assert await names(client, "job-", "job") == []


async def test_a_tag_is_offered_by_a_chinese_synonym(hub: Hub, database: Database) -> None:
    async with database.transaction() as db:
        await questions.plant_tags(db)
    assert await names(hub.client, "过拟", "tag") == ["overfitting"]


async def test_kinds_take_turns_so_that_none_hides_the_others(
    hub: Hub, database: Database, storage: BlobStore
) -> None:
    for number in range(9):
        await make_repository(database, storage, hub.owner, f"adam-{number}")
    await make_user(database, "adam")
    found = await offered(hub.client, "ada")
    assert len(found) == 8
    assert [one["kind"] for one in found] == ["model"] * 6 + ["account"] * 2


STRANGE = """
# @ / // % _ \\ ' "; -- job-x job-0 datasets/ a/b/c 😀 q- ² ٣ job-999999999
"""


@pytest.mark.parametrize("typed", ["", " ", "\x01", "x" * 5000, "9" * 40, *STRANGE.split()])
async def test_whatever_is_typed_is_no_error(client: httpx.AsyncClient, typed: str) -> None:
    assert await offered(client, typed) == []


async def test_kinds_that_do_not_exist_are_left_out(hub: Hub) -> None:
    assert await offered(hub.client, "net", "planet,,  ,model ") != []
    assert await offered(hub.client, "net", "planet") == []


NAMES = """
SELECT id FROM hub_repository WHERE kind = 'model' AND NOT private AND name_key LIKE 'ne%'
ORDER BY hub_repository.name_key USING ~<~ LIMIT 100
"""
TITLES = """
SELECT id FROM questions_question WHERE NOT is_hidden AND lower(title) LIKE '微%'
ORDER BY lower(title) USING ~<~ LIMIT 8
"""
PEOPLE = """
SELECT id FROM accounts_account WHERE display_name <> '' AND lower(display_name) LIKE '张%'
ORDER BY lower(display_name) USING ~<~ LIMIT 8
"""


@pytest.mark.parametrize(
    ("index", "statement"),
    [
        ("ix_hub_repository_public_names", NAMES),
        ("ix_questions_question_title", TITLES),
        ("ix_accounts_account_display", PEOPLE),
    ],
)
def test_names_are_read_in_the_order_of_an_index(
    postgres_url: str, engine: object, index: str, statement: str
) -> None:
    del engine
    with psycopg.connect(postgres_url) as connection:
        # Of a few rows all of them are read otherwise, whatever indexes there are.
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {statement}".encode()))
    assert index in plan
    assert "Sort" not in plan
