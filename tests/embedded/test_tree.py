"""`tuningfork up`: real processes, started, killed and stopped as an operator would."""

import re
import signal
import socket
import stat
from pathlib import Path

import httpx
import pytest

from app.embedded.guard import alive
from tests.embedded.conftest import SMALL
from tests.embedded.harness import RunningTree, cli, running_tree, wait_until


def test_one_command_starts_a_site_that_answers_and_prints_the_first_administrators_link(
    shared_tree: RunningTree,
) -> None:
    with shared_tree.client() as client:
        assert client.get("/readyz").json() == {"status": "ready"}
    assert shared_tree.url.startswith("http://127.0.0.1:")
    wait_until(lambda: shared_tree.setup_url.startswith(f"{shared_tree.url}/setup?token="), 5)


def test_torch_is_not_in_the_site_and_it_stays_under_200_megabytes(
    shared_tree: RunningTree,
) -> None:
    pid = shared_tree.pid("site")
    assert "torch" not in Path(f"/proc/{pid}/maps").read_text()
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])
    assert resident < 200_000


def test_ctrl_c_stops_everything_in_order(tree: RunningTree) -> None:
    before = tree.processes()
    assert tree.stop(signal.SIGINT) == 0
    assert [pid for pid in before if alive(pid)] == []
    assert "database system is shut down" in (tree.data / "logs" / "postgres.log").read_text()
    assert not (tree.data / "runtime.json").exists()


@pytest.mark.faults
def test_killing_the_supervisor_leaves_no_orphan_and_the_next_start_works(
    tree: RunningTree,
) -> None:
    before = tree.processes()
    assert {tree.pid("postgres"), tree.pid("valkey"), tree.pid("site")} < set(before)
    tree.stop(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in before), 20)
    with running_tree(tree.data, *SMALL) as again, again.client() as client:
        assert client.get("/readyz").status_code == 200


@pytest.mark.faults
@pytest.mark.parametrize("name", ["site", "valkey", "postgres"])
def test_a_killed_child_comes_back_and_the_site_answers_again(
    shared_tree: RunningTree, name: str
) -> None:
    old = shared_tree.kill(name)
    shared_tree.wait_replaced(name, old)
    with shared_tree.client() as client:
        wait_until(lambda: client.get("/readyz").status_code == 200, 30)
    assert f"{name} ended with status -9" in shared_tree.output


def test_a_second_start_keeps_what_was_stored(tree: RunningTree) -> None:
    made = tree.cli(
        "user", "create", "Ada.L_1-x", "--email", "ada@example.org", "--password-stdin", "--admin",
        stdin="correct horse battery staple\n",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    tree.stop()
    with running_tree(tree.data, *SMALL) as again:
        assert again.setup_url == ""  # there is an administrator
        answer = again.cli("token", "create", "ada.l_1-X", "--name", "t", "--scope", "write")
    assert re.fullmatch(r"tf_\w+\n", answer.stdout)


def test_a_second_up_on_the_same_directory_names_the_first(shared_tree: RunningTree) -> None:
    second = cli("up", "--data-dir", str(shared_tree.data), "--port", "0")
    assert second.returncode == 1
    assert shared_tree.url in second.stderr
    assert alive(shared_tree.pid("site"))


def test_down_stops_the_tree_and_then_finds_nothing(tree: RunningTree) -> None:
    assert tree.cli("down").stdout == "Stopped.\n"
    assert tree.process.wait(5) == 0
    assert "Nothing runs on" in tree.cli("down").stdout


def test_a_taken_port_moves_to_the_next_free_one(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tree = RunningTree(data, *SMALL, port=port)
        try:
            tree.wait_ready()
            assert httpx.URL(tree.url).port in range(port + 1, port + 100)
        finally:
            tree.stop()


def test_secrets_are_readable_by_their_owner_only(shared_tree: RunningTree) -> None:
    files = ["secrets.json", "runtime.json", "postgres/password", "valkey/password"]
    modes = {name: stat.S_IMODE((shared_tree.data / name).stat().st_mode) for name in files}
    assert modes == dict.fromkeys(files, 0o600)


@pytest.mark.slow
def test_no_parent_folder_changes_its_mode(tmp_path: Path, data: Path) -> None:
    tmp_path.chmod(0o700)
    before = [(one, stat.S_IMODE(one.stat().st_mode)) for one in tmp_path.parents]
    with running_tree(data, *SMALL):
        pass
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert [(one, stat.S_IMODE(one.stat().st_mode)) for one in tmp_path.parents] == before


def test_a_worker_gets_no_secret_of_the_site(data: Path) -> None:
    with running_tree(data, "--workers", "1", "--no-starter") as tree:
        wait_until(lambda: tree.pid("worker-1"), 20)
        words = Path(f"/proc/{tree.pid('worker-1')}/environ").read_bytes().decode()
        names = {word.partition("=")[0] for word in words.split("\0")}
    assert not names & {"DATABASE_URL", "STORAGE_URL", "TUNINGFORK_SECRET_KEY"}
    assert {"TUNINGFORK_URL", "TUNINGFORK_WORKER_KEY", "BROKER_URL"} <= names


def test_a_server_that_cannot_start_is_named_with_its_last_words(data: Path) -> None:
    with running_tree(data, *SMALL) as tree:
        cluster = Path(tree.runtime()["database_folder"])
    (cluster / "postgresql.conf").write_text("max_connections = none\n")
    failed = cli("up", "--data-dir", str(data), "--port", "0", *SMALL)
    assert failed.returncode == 1
    assert "PostgreSQL did not start" in failed.stderr
    assert "max_connections" in failed.stderr
    assert (cluster / "PG_VERSION").is_file()
