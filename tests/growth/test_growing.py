"""Two sites, three workers, one of them on a network of its own, and every store a server apart."""

import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.embedded import programs
from app.embedded.postgres import EmbeddedPostgres
from tests.embedded.harness import CLI, clean_environment, wait_until
from tests.embedded.parts import Processes, answers, compose_environment, free_ports, start_store
from tests.faults.community import UPLOAD, picture
from tests.growth.proxy import Places, nginx

pytestmark = [pytest.mark.growth, pytest.mark.timeout(900)]

# The address of the proxy on the bridge to the workers' network, and that of a worker there.
HERE, THERE = "10.203.7.1", "10.203.7.2"
NAMESPACE = "tuningfork-lab"
PASSWORD = "correct horse battery staple"
BROKER_PASSWORD = "a broker of this test"
JOBS = 6


def _ip(*words: str, may_fail: bool = False) -> None:
    subprocess.run(["ip", *words], check=not may_fail, capture_output=may_fail)


@contextlib.contextmanager
def network() -> Iterator[None]:
    """A network namespace whose only neighbour is `HERE`."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("a network of its own needs root and the program ip")
    _ip("netns", "delete", NAMESPACE, may_fail=True)
    _ip("netns", "add", NAMESPACE)
    try:
        _ip("link", "add", "tf-here", "type", "veth", "peer", "name", "tf-there")
        _ip("link", "set", "tf-there", "netns", NAMESPACE)
        _ip("address", "add", f"{HERE}/30", "dev", "tf-here")
        _ip("link", "set", "tf-here", "up")
        inside = ("netns", "exec", NAMESPACE, "ip")
        _ip(*inside, "address", "add", f"{THERE}/30", "dev", "tf-there")
        _ip(*inside, "link", "set", "tf-there", "up")
        _ip(*inside, "link", "set", "lo", "up")
        yield
    finally:
        _ip("link", "delete", "tf-here", may_fail=True)
        _ip("netns", "delete", NAMESPACE, may_fail=True)


@dataclass
class Grown:
    """The whole site, seen by one person."""

    url: str
    files_url: str
    certificate: Path
    processes: Processes
    sites: dict[int, subprocess.Popen[bytes]]
    workers: dict[str, subprocess.Popen[bytes]]
    database_port: int
    folder: Path
    token: str = ""
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)

    def client(self, url: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {"Origin": self.url}
        trust = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(base_url=url or self.url, verify=trust, headers=headers, timeout=60)

    def sign_up(self) -> None:
        with self.client() as client:
            form = {"name": "ada", "email": "ada@example.org", "password": PASSWORD}
            assert client.post("/signup", data=form).status_code == 303
            wanted = ["repos:read", "repos:write", "jobs:read", "jobs:write"]
            made = client.post("/api/v1/tokens", json={"name": "t", "scopes": wanted})
            assert made.status_code == 201, made.text
            self.token = made.json()["token"]

    def upload(self, kind: str, name: str, folder: Path) -> None:
        env = {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": self.token,
            "HF_HOME": str(self.folder / "hf"),
            "SSL_CERT_FILE": str(self.certificate),
            # What comes by Xet lies in bundles, which only such clients fetch from the store.
            "HF_HUB_DISABLE_XET": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", UPLOAD, kind, f"ada/{name}", str(folder)],
            env=clean_environment(env), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def prepare(self) -> None:
        """Upload an architecture without weights, and 32 pictures."""
        base, data = self.folder / "base", self.folder / "pictures"
        base.mkdir()
        (base / "config.json").write_text('{"architecture": "timm/test_vit", "num_classes": 10}')
        self.upload("model", "base", base)
        for index, label in enumerate(("cat", "dog")):
            (data / label).mkdir(parents=True)
            for number in range(16):
                (data / label / f"{number}.png").write_bytes(picture(index * 100 + number))
        self.upload("dataset", "data", data)

    def submit(self, number: int) -> int:
        stage = {"name": "all", "train": "all", "epochs": 3, "optimizer": {"lr": 0.001}}
        recipe = {
            "name": f"grown-{number}",
            "model": {"base": {"repo": "ada/base", "weights": "random"}},
            "data": {"train": {"repo": "ada/data"}},
            "train": {"batch_size": 8, "stages": [stage]},
        }
        with self.client() as client:
            answer = client.post("/api/v1/jobs", json={"recipe": recipe})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def job(self, number: int) -> dict[str, Any]:
        with self.client() as client:
            found: dict[str, Any] = client.get(f"/api/v1/jobs/{number}").json()
        return found

    def ended(self, number: int) -> bool:
        self.jobs[number] = self.job(number)
        return self.jobs[number]["state"] in {"succeeded", "failed", "cancelled"}


def _start_broker(processes: Processes, folder: Path, port: int) -> None:
    argv = [str(programs.valkey_program()), "--port", str(port), "--bind", "127.0.0.1", HERE,
            "--requirepass", BROKER_PASSWORD, "--dir", str(folder), "--save", ""]  # fmt: skip
    processes.start("valkey", argv, clean_environment())


def _start_worker(
    processes: Processes, name: str, env: Mapping[str, str], *, inside: bool = False
) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "worker", "serve"]
    if inside:
        argv = ["ip", "netns", "exec", NAMESPACE, *argv]
    return processes.start(name, argv, clean_environment({**env, "TUNINGFORK_WORKER_NAME": name}))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    folder = tmp_path_factory.mktemp("grown")
    database_port, broker_port, first, second, http, https, files = free_ports(7)
    postgres = EmbeddedPostgres(folder / "postgres", durable=False, port=database_port)
    processes = Processes(folder)
    url = f"https://{HERE}:{https}"
    with network():
        try:
            store_port = start_store(processes, folder / "s3")
            store = f"http://127.0.0.1:{store_port}"
            _start_broker(processes, folder, broker_port)
            database_url = postgres.start()
            wait_until(lambda: answers(f"{store}/status"), 60)
            places = Places(http, https, [first, second], store_port, files, HERE)
            with nginx(folder / "nginx", places) as certificate:
                sites = {}
                for port in (first, second):
                    env = compose_environment(
                        "web",
                        DATABASE_URL=database_url,
                        BROKER_URL=f"redis://:{BROKER_PASSWORD}@127.0.0.1:{broker_port}/0",
                        STORAGE_URL=f"s3://tuningfork?endpoint={store}&region=us-east-1"
                        f"&public=https://{HERE}:{files}",
                        TUNINGFORK_HOST="127.0.0.1",
                        TUNINGFORK_PORT=str(port),
                        TUNINGFORK_SITE_URL=url,
                    )
                    sites[port] = processes.start(
                        f"site-{port}", [*CLI, "serve"], clean_environment(env)
                    )
                    wait_until(lambda port=port: answers(f"http://127.0.0.1:{port}/readyz"), 90)
                workers = {}
                for name in ("one", "two", "apart"):
                    env = compose_environment(
                        "worker",
                        TUNINGFORK_URL=url,
                        TUNINGFORK_WORKER_DIR=str(folder / name),
                        BROKER_URL=f"redis://:{BROKER_PASSWORD}@{HERE}:{broker_port}/0",
                    )
                    env["SSL_CERT_FILE"] = str(certificate)
                    workers[name] = _start_worker(processes, name, env, inside=name == "apart")
                files_url = f"https://{HERE}:{files}"
                made = Grown(
                    url, files_url, certificate, processes, sites, workers, database_port, folder
                )
                made.sign_up()
                made.prepare()
                yield made
                processes.end()
                processes.children.clear()
        finally:
            processes.end()
            postgres.remove()


def test_a_worker_elsewhere_reaches_the_site_and_the_broker_and_nothing_else(grown: Grown) -> None:
    ports = [grown.database_port, *grown.sites]
    program = (
        "import socket, sys\n"
        "for port in sys.argv[2:]:\n"
        "    for host in ('127.0.0.1', sys.argv[1]):\n"
        "        with socket.socket() as wire:\n"
        "            wire.settimeout(2)\n"
        "            assert wire.connect_ex((host, int(port))), (host, port)\n"
    )
    argv = ["ip", "netns", "exec", NAMESPACE, sys.executable, "-c", program, HERE]
    subprocess.run([*argv, *map(str, ports)], check=True)


def test_jobs_are_shared_by_the_workers_and_one_that_leaves_gives_its_job_back(
    grown: Grown,
) -> None:
    numbers = [grown.submit(number) for number in range(JOBS)]
    wait_until(lambda: any(grown.job(one)["state"] == "running" for one in numbers), 120, 0.5)
    leaving = grown.workers["two"]
    leaving.send_signal(signal.SIGTERM)
    wait_until(lambda: all(grown.ended(one) for one in numbers), 420, 1)
    assert {one["state"] for one in grown.jobs.values()} == {"succeeded"}
    assert leaving.wait(60) == 0
    with grown.client() as client:
        attempts = [client.get(f"/api/v1/jobs/{one}/attempts").json() for one in numbers]
    assert {"one", "apart"} <= {one["worker"] for items in attempts for one in items}


def test_big_files_come_straight_from_the_store(grown: Grown, tmp_path: Path) -> None:
    blob = os.urandom(12_000_000)
    (tmp_path / "model.safetensors").write_bytes(blob)
    grown.upload("model", "big", tmp_path)
    with grown.client() as client:
        sent = client.get("/ada/big/resolve/main/model.safetensors", follow_redirects=False)
        assert sent.status_code == 302, sent.headers
        assert sent.headers["location"].startswith(grown.files_url)
    with grown.client(grown.files_url) as anybody:
        del anybody.headers["Authorization"]
        assert anybody.get(sent.headers["location"]).content == blob
        unsigned = sent.headers["location"].split("?")[0]
        assert anybody.get(unsigned).status_code == 403


def test_a_stream_of_one_site_tells_what_happened_at_the_other(grown: Grown) -> None:
    number = grown.submit(100)

    def told(port: int) -> list[str]:
        with (
            grown.client(f"http://127.0.0.1:{port}") as client,
            client.stream("GET", f"/api/v1/jobs/{number}/events/stream") as stream,
        ):
            return [line for line in stream.iter_lines() if line.startswith("id:")]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(told, grown.sites)
    assert first == second
    assert len(first) > 3


def test_a_site_that_is_killed_is_not_missed(grown: Grown) -> None:
    port, process = next(iter(grown.sites.items()))
    os.killpg(process.pid, signal.SIGKILL)
    with grown.client() as client:
        seen = [client.get("/models").status_code for _ in range(40)]
    assert seen == [200] * 40
    del grown.sites[port]
