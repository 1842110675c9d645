"""Administrators find people and act on their accounts; every act is written down once."""

import zipfile
from io import BytesIO

import pytest

from app.accounts import service as accounts
from app.accounts.schemas import Site
from tests.admin.conftest import Office
from tests.factories.accounts import bearer, make_token, sign_in

ACTS = "/users/ada/act"


async def act(office: Office, what: str, name: str = "ada", who: str = "ruth") -> int:
    body = {"do": what, "confirm": name}
    answer = await office.api("POST", f"/users/{name}/act", body, who)
    return answer.status_code


async def test_people_are_found_by_the_beginning_of_name_or_address(office: Office) -> None:
    await office.join("bob")
    names = [one["name"] for one in (await office.api("GET", "/users?q=BO")).json()]
    assert names == ["bob"]
    assert "bob@example.org" in await office.page("/admin/users?q=bob@")
    admins = (await office.api("GET", "/users?role=admin")).json()
    assert [one["name"] for one in admins] == ["ruth"]


@pytest.mark.parametrize(
    ("what", "before", "after"),
    [
        ("make_admin", {"is_admin": False}, {"is_admin": True}),
        ("make_moderator", {"is_moderator": False}, {"is_moderator": True}),
        ("revoke_tokens", {"tokens": 1}, {"tokens": 0}),
    ],
)
async def test_an_act_stands_in_the_audit_once_with_before_and_after(
    office: Office, what: str, before: dict[str, object], after: dict[str, object]
) -> None:
    assert await act(office, what) == 200
    assert await act(office, what) == 200  # it is so already
    (entry,) = await office.audited("users.")
    assert (entry.action, entry.before, entry.after) == (f"users.{what}", before, after)
    assert entry.target == f"account:{office.people['ada'].id}"


async def test_an_act_needs_the_typed_name(office: Office) -> None:
    body = {"do": "anonymise", "confirm": "adam"}
    assert (await office.api("POST", ACTS, body)).status_code == 422
    assert await office.audited("users.") == []


async def test_revoked_tokens_open_nothing(office: Office) -> None:
    await act(office, "revoke_tokens")
    answer = await office.client.get("/api/whoami-v2", headers=office.headers["ada"])
    assert answer.status_code == 401


async def test_signing_somebody_out_ends_every_session(office: Office) -> None:
    await sign_in(office.client, "ada")
    assert (await office.client.get("/settings/profile")).status_code == 200
    await act(office, "sign_out")
    assert (await office.client.get("/settings/profile")).status_code != 200


async def test_the_site_keeps_an_administrator(office: Office) -> None:
    assert await act(office, "take_admin", "ruth") == 409
    await office.join("vera", is_admin=True)
    assert await act(office, "take_admin", "ruth", who="vera") == 200


async def test_a_forgotten_person_has_no_name_and_no_session_left(office: Office) -> None:
    assert await act(office, "anonymise") == 200
    site = Site("http://testserver", sends_letters=False, key="k")
    await accounts.erase_due(office.database, site, office.app.state.erasers)
    assert (await office.api("GET", "/users/ada")).status_code == 404


async def test_impersonation_shows_a_banner_reads_and_changes_nothing(office: Office) -> None:
    await office.browse()
    own = office.client.cookies["session"]
    answer = await office.form("/admin/users/ada/impersonate", confirm="ada")
    assert answer.headers["location"] == "/ada"
    page = await office.page("/ada", who="")
    assert "You see the site as ada" in page
    assert (await office.get("/admin", "")).status_code == 404
    assert (await office.get("/settings/tokens", "")).status_code == 403
    made = await office.client.post("/api/repos/create", json={"name": "x", "type": "model"})
    assert (made.status_code, made.json()["code"]) == (403, "impersonating")
    ended = await office.form("/impersonation/end")
    assert ended.headers["location"] == "/admin/users"
    assert office.client.cookies["session"] == own
    assert "Overview" in await office.page("/admin", who="")
    (entry,) = await office.audited("users.impersonated")
    assert entry.after["as"] == "ada"


async def test_nobody_acts_as_an_administrator_or_without_the_typed_name(office: Office) -> None:
    await office.join("vera", is_admin=True)
    await office.browse()
    admin = await office.form("/admin/users/vera/impersonate", confirm="vera")
    untyped = await office.form("/admin/users/ada/impersonate", confirm="")
    assert (admin.status_code, untyped.status_code) == (403, 422)
    await sign_in(office.client, "ada")
    other = await office.form("/admin/users/ruth/impersonate", confirm="ruth")
    assert other.status_code == 404


async def test_a_copy_of_somebodys_data_is_sent_and_written_down(office: Office) -> None:
    await office.browse()
    answer = await office.form("/admin/users/ada/export", confirm="ada")
    names = zipfile.ZipFile(BytesIO(answer.content)).namelist()
    assert "README.md" in names
    assert len(await office.audited("users.exported")) == 1


async def test_the_pages_show_a_person_and_take_acts(office: Office) -> None:
    await office.browse()
    assert "Make administrator" in await office.page("/admin/users/ada", who="")
    wrong = await office.form("/admin/users/ada/do", do="make_moderator", confirm="x")
    assert wrong.status_code == 422
    right = await office.form("/admin/users/ada/do", do="make_moderator", confirm="ada")
    assert right.headers["location"] == "/admin/users/ada?saved=1"
    assert "users.make_moderator" in await office.page("/admin/users/ada", who="")


async def test_a_token_without_the_scope_does_nothing(office: Office) -> None:
    token = await make_token(office.database, office.people["ruth"], "write")
    office.headers["weak"] = bearer(token)
    assert await act(office, "make_admin", who="weak") == 403
