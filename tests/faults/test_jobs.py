"""Jobs end once, whatever is killed meanwhile.

`TUNINGFORK_FAULT_SEED`, `_JOBS` and `_KILLS` change the story; the report names the seed.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.embedded.harness import RunningTree, running_tree, wait_until
from tests.faults.community import Community

SEED = int(os.environ.get("TUNINGFORK_FAULT_SEED", str(time.time_ns() % 100_000)))
NUM_JOBS = int(os.environ.get("TUNINGFORK_FAULT_JOBS", "20"))
NUM_KILLS = int(os.environ.get("TUNINGFORK_FAULT_KILLS", "10"))
FINAL = {"succeeded", "failed", "cancelled"}
FAULTS = ("worker-1", "worker-2", "worker-1", "worker-2", "site", "flush", "postgres")

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


@pytest.fixture
def community(data: Path, tmp_path: Path) -> Iterator[Community]:
    env = {"TUNINGFORK_LEASE_S": "12", "TUNINGFORK_LOG_LEVEL": "warning"}
    with running_tree(data, "--workers", "2", "--no-starter", env=env) as tree:
        found = Community(tree, tmp_path)
        found.prepare()
        yield found
        found.client.close()


def hurt(tree: RunningTree, fault: str) -> None:
    """Do one harm and wait until the supervisor has mended it."""
    if fault == "flush":
        with redis.Redis.from_url(tree.runtime()["broker_url"]) as broker:
            broker.flushall()
        return
    gentle = fault == "postgres"  # an operator's restart; the others die without a word
    old = tree.kill(fault, signal.SIGINT if gentle else signal.SIGKILL)
    tree.wait_replaced(fault, old, 120)


def final_states(community: Community, jobs: list[int]) -> Counter[str]:
    states = [community.get(f"/api/v1/jobs/{job}")["state"] for job in jobs]
    return Counter(state if state in FINAL else "waiting" for state in states)


def failures(community: Community, jobs: list[int]) -> dict[int, object]:
    found = {job: community.get(f"/api/v1/jobs/{job}")["failure"] for job in jobs}
    return {job: failure for job, failure in found.items() if failure}


def test_every_job_ends_once_while_processes_are_killed(community: Community) -> None:
    rng = random.Random(SEED)
    began = time.monotonic()
    jobs = [community.submit(number) for number in range(NUM_JOBS)]
    faults = [rng.choice(FAULTS) for _ in range(NUM_KILLS)]
    for fault in faults:
        time.sleep(rng.uniform(2, 8))
        hurt(community.tree, fault)
    wait_until(lambda: final_states(community, jobs)["waiting"] == 0, 3000, 2)
    states = final_states(community, jobs)
    attempts = [community.get(f"/api/v1/jobs/{job}/attempts") for job in jobs]
    ends = [sum(one["outcome"] == "succeeded" for one in tries) for tries in attempts]
    sys.stderr.write(
        f"\nfaults: seed {SEED}, {NUM_JOBS} jobs, {NUM_KILLS} kills {dict(Counter(faults))}: "
        f"{dict(states)}, attempts {sum(len(one) for one in attempts)}, most for one job "
        f"{max(len(one) for one in attempts)}, {time.monotonic() - began:.0f} s\n"
    )
    assert states == {"succeeded": NUM_JOBS}, f"seed {SEED}: {failures(community, jobs)}"
    assert ends == [1] * NUM_JOBS, f"seed {SEED}"
    for job in jobs:
        events = community.get(f"/api/v1/jobs/{job}/events?limit=1000")["items"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
