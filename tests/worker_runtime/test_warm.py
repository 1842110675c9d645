"""Engines that start warm: the same runs as cold ones, behind the same fences."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.worker.builders import plan_of, recipe_values, stage, write_images
from tests.worker_runtime.site_server import SmallSite
from tests.worker_runtime.test_serve import wait_until_gone
from worker import sandbox
from worker.contract.attempt import EXIT_OK, JOB_FILE, RESULT_FOLDER, AttemptJob
from worker.modeling.weights import WEIGHTS_FILE, file_sha256
from worker.runner import ENGINE
from worker.sandbox import Child, Job
from worker.warm_engine import WarmEngine

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmEngine]:
    engine = WarmEngine(tmp_path_factory.mktemp("warm"), 600.0, sandbox.choose("auto"))
    wait_until_warm(engine)
    yield engine
    engine.close()


def wait_until_warm(engine: WarmEngine) -> None:
    for _ in range(6000):
        engine.tend()
        if engine.is_ready:
            return
        threading.Event().wait(0.05)
    raise AssertionError("the engine did not become warm")


def make_job(folder: Path, **data: str) -> tuple[Job, Path]:
    """Return the fences of a small job and its folder, ready to be run."""
    write_images(folder / "data")
    plan, places = plan_of(folder, recipe_values(stage(epochs=2)))
    place = folder / "job"
    (place / "out").mkdir(parents=True)
    inputs = {"data": data.get("data", str(places.data))}
    job = AttemptJob(plan=plan, inputs=inputs)
    (place / JOB_FILE).write_text(job.model_dump_json(), encoding="utf-8")
    code = sandbox.code_folder(folder)
    environment = {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
    fences = Job((*ENGINE, "--job", str(place)), (place,), (folder / "data", code), environment)
    return fences, place


def started(warm: WarmEngine, folder: Path, **data: str) -> tuple[Child, Path]:
    wait_until_warm(warm)
    job, place = make_job(folder, **data)
    with (folder / "output.log").open("wb") as output:
        child = warm.start(job, place, output)
    assert child is not None
    return child, place


def weights_of(place: Path) -> str:
    return file_sha256(place / RESULT_FOLDER / WEIGHTS_FILE)


@pytest.mark.slow
def test_a_warm_run_gives_the_weights_of_a_cold_one(warm: WarmEngine, tmp_path: Path) -> None:
    runs = []
    for name in ("first", "second"):
        child, place = started(warm, tmp_path / name)
        assert child.wait(120) == EXIT_OK, (tmp_path / name / "output.log").read_text()
        runs.append(weights_of(place))
    job, place = make_job(tmp_path / "cold")
    with (tmp_path / "cold" / "output.log").open("wb") as output:
        assert sandbox.start(job, sandbox.choose("auto"), output).wait(240) == EXIT_OK
    runs.append(weights_of(place))

    assert len(set(runs)) == 1


@pytest.mark.slow
def test_a_warm_run_is_fenced_in(warm: WarmEngine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    write_images(secret / "data")
    child, place = started(warm, tmp_path / "work", data=str(secret / "data"))

    assert child.wait(120) != EXIT_OK
    assert not (place / RESULT_FOLDER).exists()
    told = (place / "failure.json").read_text() + (tmp_path / "work" / "output.log").read_text()
    assert "DATA_" in told or "Permission" in told


@pytest.mark.faults
def test_a_killed_run_is_told_and_the_next_one_starts_warm(
    warm: WarmEngine, tmp_path: Path
) -> None:
    child, _ = started(warm, tmp_path / "first")
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(60) == -signal.SIGKILL

    again, _ = started(warm, tmp_path / "second")
    assert again.wait(120) == EXIT_OK


@pytest.mark.slow
def test_new_code_does_not_end_a_run_that_goes_on(
    warm: WarmEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child, _ = started(warm, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("worker.warm_engine.code_stamp", lambda: "another")
        warm.tend(is_busy=True)

    assert child.wait(120) == EXIT_OK


_FORKED = """
import io, os, threading
import numpy as np, torch
from PIL import Image
from worker import warm_process

torch.set_num_threads(1)
kept = io.BytesIO()
noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
Image.fromarray(noise).save(kept, "JPEG")
block = torch.zeros(2, 256, 256, 3, dtype=torch.uint8)
failed = []

def decode(place, start):
    start.wait()
    try:
        block[place] = torch.from_numpy(np.array(Image.open(io.BytesIO(kept.getvalue()))))
    except RuntimeError as error:
        failed.append(error)

def run():
    warm_process._take_threads()
    start = threading.Barrier(2)
    threads = [threading.Thread(target=decode, args=(place, start)) for place in (0, 1)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    os._exit(bool(failed))

for _ in range(20):
    child = os.fork() or run()
    assert os.waitpid(child, 0)[1] == 0
"""


def test_threads_that_decode_in_a_forked_run_find_torch_ready() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", _FORKED], env=environment, check=True)


def test_without_a_warm_process_the_caller_starts_cold(tmp_path: Path) -> None:
    engine = WarmEngine(tmp_path / "warm", 600.0, sandbox.choose("auto"))
    job, place = make_job(tmp_path)
    with (tmp_path / "output.log").open("wb") as output:
        assert engine.start(job, place, output) is None


def test_a_worker_lets_its_warm_process_go_with_it(
    site: SmallSite, environment: dict[str, str], alive: Callable[[str], list[int]]
) -> None:
    environment = {**os.environ, **environment, "TUNINGFORK_WORKER_WARM_MINUTES": "5"}
    folder = str(Path(environment["TUNINGFORK_WORKER_DIR"]) / "warm")
    worker = subprocess.Popen([sys.executable, "-m", "worker", "serve"], env=environment)
    site.wait_for("call:claim")
    while not alive(folder):
        threading.Event().wait(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait()

    wait_until_gone(alive, folder)
