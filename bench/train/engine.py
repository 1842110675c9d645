"""Our engine in a process that stays warm from job to job, each run inside of it.

Run: python -m bench.train.engine. It reads orders from its input, one line of JSON each, and
answers what the job took, from the recipe on the disk to the written result.
"""

import importlib
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.train.clock import Clock
from bench.train.loops import own_output


@dataclass(frozen=True)
class Order:
    """A run of the engine.

    Args:
        recipe: the recipe's file; for `rank` and `sweep` the file of these.
        out: where results go.
        root: folder in which data sets and bases are looked up.
        weights: file with the base's weights, if the base is a name of a library.
        kind: `run`, `sweep` or `rank`.
        settings: laid over a recipe, such as `train.stages.0.epochs=3`.
    """

    recipe: str
    out: str
    root: str
    weights: str = ""
    kind: str = "run"
    settings: list[str] = field(default_factory=list)

    def arguments(self) -> list[str]:
        """Return the command line after `python -m worker`."""
        found = [self.kind, self.recipe, "--out", self.out, "--data-root", self.root]
        found += ["--weights", self.weights] if self.weights else []
        return [*found, *(word for one in self.settings for word in ("--set", one))]

    def result(self) -> dict[str, Any]:
        """Return what the run wrote down."""
        found: dict[str, Any] = json.loads((Path(self.out) / "result.json").read_text())
        return found


def carry_out(order: Order) -> None:
    """Do what `python -m worker` does, in this process.

    Raises:
        SystemExit: it failed; what it said is in the log.
    """
    from worker.__main__ import main as command

    try:
        command(order.arguments(), standalone_mode=True, prog_name="worker")
    except SystemExit as end:
        if end.code:
            raise


def main() -> None:
    """Carry out orders until there are no more."""
    out = own_output()
    # What a warm worker has loaded before a job comes.
    for name in ("worker.__main__", "worker.alone", "worker.rank", "worker.sweep", "transformers"):
        importlib.import_module(name)
    out.write(json.dumps({"ready": True}) + "\n")
    out.flush()
    for line in sys.stdin:
        clock = Clock()
        carry_out(Order(**json.loads(line)))
        out.write(json.dumps(asdict(clock.spent())) + "\n")
        out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
