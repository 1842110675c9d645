"""The worker as a real process, and the bell with a real broker."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.queue import Doorbell
from app.embedded.valkey import EmbeddedValkey
from tests.worker_runtime import engine
from tests.worker_runtime.conftest import Bench, make_claim
from tests.worker_runtime.site_server import SmallSite

# As `python -m worker serve`, with another program in the engine's place.
_SERVE = """
import sys
from dataclasses import replace
from worker import runner, serve
program = sys.argv[1]
class Place(runner.Workplace):
    def __init__(self, settings, strength):
        super().__init__(settings, strength, (sys.executable, "-c", program))
serve.Workplace = Place
sys.exit(serve.serve())
"""


@contextmanager
def serving(environment: dict[str, str], program: str) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, **environment, "PYTHONPATH": str(Path.cwd())}
    argv = [sys.executable, "-c", _SERVE, program]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        yield child
        child.kill()


def wait_until_gone(find: Callable[[str], list[int]], word: str) -> None:
    for _ in range(500):
        if not find(word):
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"still alive: {find(word)}")


def test_sigterm_gives_the_job_back_with_a_checkpoint(
    site: SmallSite, environment: dict[str, str], alive: Callable[[str], list[int]]
) -> None:
    site.claims.append(make_claim())
    with serving(environment, engine.POLITE) as child:
        site.wait_for("event:RunStarted")
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=30) == 0

    assert site.endings == [("release", {"reason": "deploy"})]
    assert [checkpoint["epoch"] for checkpoint in site.checkpoints] == [1]
    wait_until_gone(alive, environment["TUNINGFORK_WORKER_DIR"])


@pytest.mark.parametrize("program", [engine.POLITE, engine.STUBBORN])
def test_a_killed_worker_leaves_no_process_behind(
    site: SmallSite,
    environment: dict[str, str],
    alive: Callable[[str], list[int]],
    program: str,
) -> None:
    site.claims.append(make_claim())
    with serving(environment, program) as child:
        site.wait_for("event:RunStarted")
        child.kill()
        child.wait(timeout=30)
        wait_until_gone(alive, environment["TUNINGFORK_WORKER_DIR"])


def test_a_worker_waits_for_a_site_that_is_not_there_yet(
    site: SmallSite, environment: dict[str, str]
) -> None:
    site.away = True
    site.claims.append(make_claim())
    with serving(environment, engine.SUCCEEDS) as child:
        line = b""
        while b"site_unreachable" not in line:
            assert child.stdout is not None
            line = child.stdout.readline()
        site.away = False
        site.wait_for("ending")

    assert site.endings[0][0] == "finish"


def test_a_wrong_key_is_explained_and_not_shown(
    site: SmallSite, environment: dict[str, str]
) -> None:
    secret = "not-the-key-of-the-workers"
    with serving({**environment, "TUNINGFORK_WORKER_KEY": secret}, engine.SUCCEEDS) as child:
        line = b""
        while b"site_refused" not in line:
            assert child.stdout is not None
            line = child.stdout.readline()
            assert secret.encode() not in line

    assert b"TUNINGFORK_WORKER_KEY must be the worker key" in line


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TUNINGFORK_URL", "", b"TUNINGFORK_URL is not set"),
        ("TUNINGFORK_URL", "somewhere", b"must begin with http"),
        ("TUNINGFORK_WORKER_KEY", "", b"TUNINGFORK_WORKER_KEY is not set"),
        ("TUNINGFORK_WORKER_SANDBOX", "wishful", b"must be one of auto"),
        ("TUNINGFORK_WORKER_CACHE_BYTES", "much", b"whole number of bytes"),
    ],
)
def test_unusable_settings_are_named(
    environment: dict[str, str], name: str, value: str, words: bytes
) -> None:
    with serving({**environment, name: value}, engine.SUCCEEDS) as child:
        printed, _ = child.communicate(timeout=60)

    assert child.returncode == 2
    assert words in printed


def test_two_workers_do_not_share_a_directory(site: SmallSite, environment: dict[str, str]) -> None:
    with serving(environment, engine.SUCCEEDS):
        site.wait_for("call:claim")
        with serving(environment, engine.SUCCEEDS) as second:
            printed, _ = second.communicate(timeout=60)

    assert second.returncode == 2
    assert b"Another worker uses" in printed


@pytest.fixture(scope="module")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    yield server.start()
    server.stop()


async def test_a_ring_of_the_site_wakes_the_worker(
    site: SmallSite, environment: dict[str, str], broker_url: str
) -> None:
    site.poll_s = 3600
    bell = Doorbell(broker_url)
    with serving({**environment, "BROKER_URL": broker_url}, engine.SUCCEEDS):
        site.wait_for("call:claim")
        site.claims.append(make_claim())
        bell.ring("cpu")
        await bell.close()
        site.wait_for("ending")

    assert site.endings[0][0] == "finish"


def test_a_worker_without_its_broker_still_polls(
    site: SmallSite, environment: dict[str, str]
) -> None:
    site.claims.append(make_claim())
    nowhere = {**environment, "BROKER_URL": "redis://127.0.0.1:1/0"}
    with serving(nowhere, engine.SUCCEEDS) as child:
        site.wait_for("ending")
        child.terminate()
        assert child.wait(timeout=30) == 0


def test_the_worker_itself_never_imports_torch() -> None:
    code = "import sys, worker.serve; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path.cwd())
    assert done.returncode == 0


def test_what_a_killed_worker_left_is_cleared(bench: Bench, site: SmallSite) -> None:
    leftover = bench.settings.directory / "jobs" / "3-1" / "job"
    leftover.mkdir(parents=True)
    with bench.working(engine.SUCCEEDS):
        site.wait_for("call:claim")
        assert not leftover.exists()
