import json
import os
import signal
from typing import Any

import pytest

from tests.worker_runtime import engine
from tests.worker_runtime.conftest import Bench, make_claim, make_plan, pin
from tests.worker_runtime.site_server import SmallSite


def test_a_run_is_told_in_order_and_its_files_are_stored(bench: Bench, site: SmallSite) -> None:
    name, body = bench.run(engine.SUCCEEDS, make_claim())

    assert name == "finish"
    assert body["result"] == {"accuracy": 0.5}
    kinds = [kind for kind in site.kinds() if kind != "LogWritten"]
    assert kinds[0] == "RunStarted"
    assert kinds[-1] == "RunFinished"
    assert sorted(site.events) == list(range(1, len(site.events) + 1))
    stored = {file["path"]: file["kind"] for file in body["artifacts"]}
    assert stored["model.safetensors"] == "weights"
    assert site.artifacts["model.safetensors"] == b"weights"


def test_the_newest_checkpoint_is_stored_file_by_file(bench: Bench, site: SmallSite) -> None:
    site.claims.append(make_claim())
    with bench.working(engine.POLITE) as worker:
        site.wait_for("event:RunStarted")
        worker.stop()
        site.wait_for("ending")

    assert site.endings == [("release", {"reason": "deploy"})]
    paths = [file["path"] for file in site.checkpoints[0]["files"]]
    assert paths == ["checkpoints/epoch-1/manifest.json", "checkpoints/epoch-1/weights.bin"]
    assert site.artifacts["checkpoints/epoch-1/weights.bin"] == b"weights 1"


def test_a_cancelled_run_ends_even_if_it_ignores_the_signal(
    bench: Bench, site: SmallSite, alive: Any
) -> None:
    site.claims.append(make_claim())
    with bench.working(engine.STUBBORN):
        site.wait_for("event:RunStarted")
        site.cancel = True
        site.wait_for("ending", timeout_s=10)

    assert site.endings == [("cancelled", {})]
    assert alive(str(bench.settings.directory / "jobs")) == []


def test_a_stale_attempt_stops_at_once_and_says_nothing_more(
    bench: Bench, site: SmallSite, alive: Any
) -> None:
    site.claims.append(make_claim(lease_s=3))
    with bench.working(engine.STUBBORN):
        site.wait_for("event:RunStarted")
        claims_before = sum(call == ("POST", "claim") for call in site.calls)
        site.stale = True
        with site.changed:
            assert site.changed.wait_for(
                lambda: sum(c == ("POST", "claim") for c in site.calls) > claims_before, 30
            )

    assert set(site.after_stale) <= {"heartbeat", "events"}
    assert len(site.after_stale) <= 2
    assert site.endings == []
    assert alive(str(bench.settings.directory / "jobs")) == []


def test_a_worker_that_is_not_heard_stops_the_run_before_its_lease_ends(
    bench: Bench, site: SmallSite
) -> None:
    site.lease_s = 3
    site.claims.append(make_claim(lease_s=3))
    with bench.working(engine.POLITE):
        site.wait_for("event:RunStarted")
        site.deaf_to = frozenset({"heartbeat"})
        site.wait_for("ending")

    assert site.endings == [("release", {"reason": "lease_at_risk"})]
    assert [c["epoch"] for c in site.checkpoints] == [1]


def test_a_site_without_its_database_costs_no_lease(bench: Bench, site: SmallSite) -> None:
    site.lease_s = 1.5
    site.claims.append(make_claim(lease_s=1.5))
    with bench.working(engine.POLITE) as worker:
        site.wait_for("event:RunStarted")
        site.database_away = True
        # Three leases long: without the rule the run would have been stopped by then.
        with site.changed:
            site.changed.wait(timeout=4.5)
        site.database_away = False
        site.calls.clear()
        site.wait_for("call:heartbeat")
        assert site.endings == []
        worker.stop()
        site.wait_for("ending")

    assert site.endings == [("release", {"reason": "deploy"})]


def test_events_of_an_outage_arrive_later_in_order_and_once(bench: Bench, site: SmallSite) -> None:
    site.claims.append(make_claim())
    site.deaf_to = frozenset({"events"})
    with bench.working(engine.MANY_EVENTS):
        site.wait_for("call:heartbeat")
        site.deaf_to = frozenset()
        site.wait_for("ending")

    assert site.sent_events == list(range(1, len(site.events) + 1))
    numbers = [e["number"] for _, e in sorted(site.events.items()) if e["kind"] == "StepsReported"]
    assert numbers == list(range(1500))


@pytest.mark.parametrize(
    ("program", "code", "words"),
    [
        (engine.FAILS, "DIVERGED", "in epoch 3"),
        (engine.CRASHES, "INTERNAL", "exit status 1"),
        (engine.RUNS_OUT_OF_MEMORY_IN_PYTHON, "OUT_OF_MEMORY", "MemoryError"),
        (engine.SEGFAULTS, "INTERNAL", "SIGSEGV"),
        (engine.LEAVES_NOTHING, "INTERNAL", "left no result"),
        (engine.LEAVES_A_LINK, "INTERNAL", "left no result"),
    ],
)
def test_a_failure_has_a_code_a_sentence_and_the_last_lines(
    bench: Bench, program: str, code: str, words: str
) -> None:
    name, body = bench.run(program, make_claim())

    assert name == "fail"
    assert body["failure"]["code"] == code
    assert words in body["failure"]["detail"]
    assert body["failure"]["sentence"]


def test_what_is_sent_of_a_log_holds_no_token(bench: Bench, site: SmallSite) -> None:
    _, body = bench.run(engine.FAILS, make_claim())

    assert body["failure"]["log_tail"] == ["tried with token ***"]
    assert site.artifacts["log.txt"] == b"tried with token ***\n"


def test_a_run_that_takes_too_much_memory_is_told_so(bench: Bench) -> None:
    name, body = bench.run(engine.EATS_MEMORY, make_claim(), memory_bytes=200_000_000)

    assert name == "fail"
    assert body["failure"]["code"] == "OUT_OF_MEMORY"


def test_a_run_that_takes_too_long_keeps_its_checkpoint(bench: Bench, site: SmallSite) -> None:
    claim = make_claim(plan=make_plan(max_minutes=0.03))

    name, body = bench.run(engine.POLITE, claim)

    assert name == "fail"
    assert body["failure"]["code"] == "TIME_LIMIT"
    assert [c["epoch"] for c in site.checkpoints] == [1]


def test_a_run_killed_from_outside_leaves_the_job_to_its_lease(
    bench: Bench, site: SmallSite, alive: Any
) -> None:
    site.claims.append(make_claim())
    with bench.working(engine.POLITE):
        site.wait_for("event:RunStarted")
        site.calls.clear()
        os.kill(max(alive(str(bench.settings.directory / "jobs"))), signal.SIGKILL)
        site.wait_for("call:claim")

    assert site.endings == []


def test_base_data_and_checkpoint_are_laid_before_the_engine(bench: Bench, site: SmallSite) -> None:
    site.repositories["models/me/base"] = {"config.json": b"{}", "model.safetensors": b"w"}
    site.repositories["datasets/me/pets"] = {"train/cat/one.txt": b"meow"}
    bench.run(engine.SUCCEEDS, make_claim())
    newest = site.checkpoints[-1]
    site.endings.clear()
    site.events.clear()
    url = "/api/v1/worker/jobs/7/attempts/1/artifacts/"
    files = [{**file, "url": url + file["path"]} for file in newest["files"]]

    name, _ = bench.run(
        engine.READS_INPUT,
        make_claim(
            repositories=[pin("base", "model", "me/base"), pin("data", "dataset", "me/pets")],
            resume={"stage": 1, "epoch": newest["epoch"], "files": files},
        ),
    )

    assert name == "finish"
    found, text = site.lines()[-2:]
    assert json.loads(found) == {
        "base": ["config.json", "model.safetensors"],
        "data": ["train", "train/cat", "train/cat/one.txt"],
        "resume": ["manifest.json", "weights.bin"],
    }
    assert text == "meow"


def test_a_damaged_checkpoint_is_not_resumed_from(bench: Bench, site: SmallSite) -> None:
    site.artifacts["checkpoints/e/w.bin"] = b"other bytes"
    file = {
        "path": "checkpoints/e/w.bin",
        "sha256": "0" * 64,
        "size": 11,
        "url": "/api/v1/worker/jobs/7/attempts/1/artifacts/checkpoints/e/w.bin",
    }

    name, body = bench.run(
        engine.SUCCEEDS, make_claim(resume={"stage": 1, "epoch": 1, "files": [file]})
    )

    assert (name, body["failure"]["code"]) == ("fail", "CHECKPOINT_INVALID")


@pytest.mark.parametrize(
    ("role", "kind", "code"),
    [("base", "model", "BASE_NOT_FOUND"), ("data", "dataset", "DATA_NOT_FOUND")],
)
def test_a_repository_that_is_gone_is_named(bench: Bench, role: str, kind: str, code: str) -> None:
    name, body = bench.run(engine.SUCCEEDS, make_claim(repositories=[pin(role, kind, "me/gone")]))

    assert (name, body["failure"]["code"]) == ("fail", code)
    assert "me/gone" in body["failure"]["detail"]


def test_a_cached_repository_stays_closed_once_the_site_hides_it(
    bench: Bench, site: SmallSite
) -> None:
    site.repositories["datasets/me/pets"] = {"train/cat/one.txt": b"meow"}
    repositories = [pin("data", "dataset", "me/pets")]
    bench.run(engine.READS_INPUT, make_claim(repositories=repositories))
    site.endings.clear()
    del site.repositories["datasets/me/pets"]

    name, body = bench.run(engine.READS_INPUT, make_claim(repositories=repositories))

    assert (name, body["failure"]["code"]) == ("fail", "DATA_NOT_FOUND")
