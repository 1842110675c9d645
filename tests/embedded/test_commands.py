"""The operator's commands, used while the site runs."""

import json
import re
from pathlib import Path

import pytest

from app.accounts.schemas import MEMBER_ROLES
from app.commands.people import ROLES
from tests.embedded.harness import RunningTree, cli

PASSWORD = "correct horse battery staple"


def _make_user(tree: RunningTree, name: str, *more: str) -> None:
    made = tree.cli(
        "user", "create", name, "--email", f"{name}@example.org", "--password-stdin", *more,
        stdin=f"{PASSWORD}\n",
    )  # fmt: skip
    assert made.stdout == f"Made the account {name}.\n", made.stderr


def test_a_made_person_gets_a_token_that_the_site_accepts(shared_tree: RunningTree) -> None:
    _make_user(shared_tree, "Ada.L_1-x", "--admin")
    made = shared_tree.cli("token", "create", "ada.l_1-X", "--name", "t", "--scope", "write")
    assert re.fullmatch(r"tf_\w+\n", made.stdout)
    with shared_tree.client(headers={"Authorization": f"Bearer {made.stdout.strip()}"}) as client:
        assert client.get("/api/whoami-v2").json()["name"] == "Ada.L_1-x"


def test_an_organisation_is_made_and_joined(shared_tree: RunningTree) -> None:
    _make_user(shared_tree, "owner1")
    _make_user(shared_tree, "member1")
    made = shared_tree.cli("org", "create", "Lab.One", "--owner", "owner1", "--default-private")
    assert made.stdout == "Made the organisation Lab.One.\n", made.stderr
    added = shared_tree.cli("org", "add", "lab.one", "member1", "--role", "write")
    assert added.stdout == "member1 is in lab.one with the role write.\n", added.stderr


def test_a_refused_command_says_why_and_ends_with_1(shared_tree: RunningTree) -> None:
    refused = shared_tree.cli(
        "user", "create", "bad name", "--email", "x@example.org", "--password-stdin",
        stdin=f"{PASSWORD}\n",
    )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: ")
    assert "Traceback" not in refused.stderr


def test_an_unknown_owner_is_named(shared_tree: RunningTree) -> None:
    refused = shared_tree.cli("token", "create", "nobody-here", "--name", "t")
    assert refused.returncode == 1
    assert "There is no person named nobody-here." in refused.stderr


def test_the_roles_of_the_command_are_those_of_the_site() -> None:
    assert list(ROLES) == [role.value for role in MEMBER_ROLES]


def test_a_command_without_a_site_says_how_to_start_one(tmp_path: Path) -> None:
    refused = cli("token", "create", "ada", "--name", "t", "--data-dir", str(tmp_path / "none"))
    assert refused.returncode == 1
    assert "tuningfork up" in refused.stderr
    assert not (tmp_path / "none").exists()


def test_migrating_a_current_schema_says_so(shared_tree: RunningTree) -> None:
    assert shared_tree.cli("migrate").stdout == "The schema is current.\n"


def test_the_doctor_finds_a_running_site_in_order(shared_tree: RunningTree) -> None:
    found = json.loads(shared_tree.cli("doctor", "--json").stdout)
    levels = {one["check"]: one["level"] for one in found if one["check"] != "assets"}
    assert {"python", "directory", "site", "database", "broker", "storage"} <= set(levels)
    assert "error" not in levels.values()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATABASE_URL", "postgresql://u:p@127.0.0.1:9/x", "The database at 127.0.0.1"),
        ("BROKER_URL", "redis://127.0.0.1:9/0", "The broker does not answer"),
        ("STORAGE_URL", "file:///proc/none", "The store cannot be written"),
    ],
)
def test_the_doctor_names_a_server_that_is_gone_and_what_to_do(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    looked = cli("doctor", "--data-dir", str(tmp_path), env={name: value})
    assert looked.returncode == 1
    assert words in looked.stdout
    assert f"Check {name}" in looked.stdout
    assert "Traceback" not in looked.stderr
