"""One loop in a process of its own that goes on only when it is told to.

Run: python -m bench.train.loops NAME JOB. It builds, warms up, says so, and then reads from its
input how many samples to train, one line for each turn; for each it answers what that took.
`whole` in place of turns trains all epochs, measures the test split and writes the job's `out`.
"""

import importlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO

from bench.train.clock import Clock
from bench.train.jobs import Job, Tick

PEERS = {
    "lightning": "lightning_peer",
    "lightning-bf16": "lightning_peer",
    "fastai": "fastai_peer",
    "timm": "timm_peer",
    "timm-channels-last": "timm_peer",
    "timm-amp": "timm_peer",
    "trainer": "trainer_peer",
    "trainer-bf16": "trainer_peer",
    "trainer-bf16-grouped": "trainer_peer",
}
# Updates before the clock runs: the first ones allocate and choose kernels.
_WARM_UPDATES = 2


class Turns:
    """Counts the samples of a loop and holds it where a turn ends."""

    def __init__(self, out: IO[str], updates: int = _WARM_UPDATES) -> None:
        self._out, self._warm = out, updates
        self._seen = self._wanted = 0
        self._clock = Clock()

    def __call__(self, count: int) -> None:
        """Take note of a batch; return when the loop may go on."""
        if self._warm:
            self._warm -= 1
            if not self._warm:
                self._next({"ready": True})
            return
        self._seen += count
        if self._seen >= self._wanted:
            self._next({**asdict(self._clock.spent()), "samples": self._seen})

    def _next(self, answer: dict[str, float | bool]) -> None:
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()
        line = sys.stdin.readline()
        if not line:
            # The libraries' loops would catch an exception; nothing here needs to be put away.
            os._exit(0)
        self._wanted, self._seen = json.loads(line)["samples"], 0
        self._clock = Clock()


def go_round(name: str, job: Job, tick: Tick) -> object:
    """Train a job the way of a plain loop (`seed`) or of a library; return the network."""
    if name == "seed":
        from bench.train import seeds

        return seeds.run(job, tick)
    module = importlib.import_module(f"bench.train.peers.{PEERS[name]}")
    return module.run(name, job, tick)


def own_output() -> IO[str]:
    """Return the true output; whatever libraries print goes to where errors go."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def main() -> None:
    """Take turns, or train as a whole."""
    name, job = sys.argv[1], Job.from_text(sys.argv[2])
    if sys.argv[3:] == ["whole"]:
        from bench.train import seeds

        model = go_round(name, job, lambda _: None)
        found = {"accuracy": seeds.accuracy(job, model)}
        Path(job.out).write_text(json.dumps(found), encoding="utf-8")
        return
    go_round(name, job, Turns(own_output()))


if __name__ == "__main__":
    main()
