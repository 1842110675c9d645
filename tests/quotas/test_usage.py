"""What people, programs and those who run the site see of usage, and how limits are set."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from app.accounts.schemas import AccountRef, Role
from app.commands.quotas import KINDS
from app.core import audit
from app.core.db import Database
from app.quotas import service
from app.quotas.schemas import Kind
from app.quotas.service import limits
from tests.factories.accounts import (
    bearer,
    make_member,
    make_organization,
    make_token,
    make_user,
    sign_in,
)
from tests.hub.conftest import Hub, hub, storage

__all__ = ["hub", "storage"]


async def _usage(hub: Hub, account: str = "") -> dict[str, dict[str, float]]:
    answer = await hub.get(f"/api/v1/usage?account={account}")
    assert answer.status_code == 200, answer.text
    return {line["kind"]: line for line in answer.json()["lines"]}


@pytest.fixture
async def root(database: Database) -> AccountRef:
    return await make_user(database, "grace", is_admin=True)


async def _set(hub: Hub, root: AccountRef, account: str, **body: object) -> httpx.Response:
    headers = bearer(await make_token(hub.database, root, "all"))
    return await hub.client.put(f"/api/v1/usage/{account}/limits", json=body, headers=headers)


async def test_the_api_tells_what_is_used_and_allowed(hub: Hub) -> None:
    lines = await _usage(hub)
    assert lines["repositories"]["used"] == 1
    assert lines["files"]["used"] == 3
    assert lines["bytes"]["used"] > 0
    assert lines["queued_jobs"] == {"kind": "queued_jobs", "used": 0, "limit": 20, "share": 0.0}


async def test_an_organisations_usage_is_shown_to_its_members_alone(hub: Hub) -> None:
    bob = await make_user(hub.database, "bob")
    lab = await make_organization(hub.database, bob, "lab")
    answer = await hub.get("/api/v1/usage?account=lab")
    assert answer.status_code == 404
    unknown = await hub.get("/api/v1/usage?account=nobody")
    assert unknown.json()["error"] == answer.json()["error"]
    await make_member(hub.database, lab, hub.owner, Role.READ)
    assert "gpu_seconds" not in await _usage(hub, "lab")


async def test_an_administrator_gives_a_limit_and_takes_it_back(hub: Hub, root: AccountRef) -> None:
    assert (
        await _set(hub, root, "ada", kind="files", amount=7, reason="thesis")
    ).status_code == 204
    assert (await _usage(hub))["files"]["limit"] == 7
    assert (await _set(hub, root, "ada", kind="files", amount=None)).status_code == 204
    assert (await _usage(hub))["files"]["limit"] == 2_000_000
    async with hub.database.transaction() as db:
        changes = await service.history(db, hub.owner.id)
        acts = await audit.entries(db, action="quotas")
    assert [(c.before, c.after, c.reason, c.by_id) for c in changes] == [
        (7, None, "", root.id),
        (None, 7, "thesis", root.id),
    ]
    assert [act.after for act in acts] == [{"files": None}, {"files": 7}]


async def test_a_limit_is_a_whole_number_from_0_on(hub: Hub, root: AccountRef) -> None:
    assert (await _set(hub, root, "ada", kind="files", amount=-1)).status_code == 422
    assert (await _set(hub, root, "ada", kind="wishes", amount=1)).status_code == 422
    assert (await _set(hub, root, "nobody", kind="files", amount=1)).status_code == 404


async def test_nobody_else_sets_limits(hub: Hub) -> None:
    answer = await hub.client.put(
        "/api/v1/usage/ada/limits", json={"kind": "files", "amount": 0}, headers=hub.headers
    )
    assert answer.status_code == 403


async def test_a_feature_above_may_add_to_a_limit(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(limits, "_ADJUSTMENTS", {})

    async def earned(_db: object, account_id: int) -> int:
        return 600 if account_id == hub.owner.id else 0

    service.adjust(Kind.GPU_SECONDS, earned)
    async with hub.database.transaction() as db:
        assert await service.limit_for(db, hub.owner.id, Kind.GPU_SECONDS) == 0
        await service.set_limit(db, None, hub.owner.id, Kind.GPU_SECONDS, 3600)
        assert await service.limit_for(db, hub.owner.id, Kind.GPU_SECONDS) == 4200


async def test_the_page_shows_bars_and_warns_when_one_is_nearly_full(hub: Hub) -> None:
    await sign_in(hub.client, "ada")
    page = (await hub.client.get("/settings/usage")).text
    assert "Used and allowed" in page
    assert "of the limit are used" not in page
    async with hub.database.transaction() as db:
        await service.set_limit(db, None, hub.owner.id, Kind.FILES, 3)
    page = (await hub.client.get("/settings/usage")).text
    assert "Files: the limit is reached." in page


async def test_an_organisation_has_a_page_of_its_own(hub: Hub) -> None:
    await make_organization(hub.database, hub.owner, "lab")
    await sign_in(hub.client, "ada")
    page = await hub.client.get("/organizations/lab/usage")
    assert page.status_code == 200
    assert "charged to the organisation" in page.text
    assert (await hub.client.get("/organizations/none/usage")).status_code == 404


def test_the_command_names_every_kind() -> None:
    assert set(KINDS) == {kind.value for kind in Kind}


async def test_the_command_recounts_and_says_what_differs(hub: Hub, tmp_path: Path) -> None:

    url = hub.database.engine.url.render_as_string(hide_password=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", "quotas", *arguments],
            env={"DATABASE_URL": url, "PATH": "", "TUNINGFORK_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert "Every counter is what is stored." in run("recount").stdout
    async with hub.database.transaction() as db:
        await db.execute(text("UPDATE quotas_usage SET bytes = 1"))
    wrong = run("recount")
    assert wrong.returncode == 1
    assert "bytes counted 1, stored" in wrong.stdout
    assert "Mended 1 counters." in run("recount", "--mend").stdout
    assert run("set", "ada", "files", "9").returncode == 0
    assert (await _usage(hub))["files"]["limit"] == 9
