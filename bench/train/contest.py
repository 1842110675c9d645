"""Running a race: every loop in a process of its own, one turn each in every round, A B A B."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.train.clock import Machine, Spent, run_whole
from bench.train.engine import Order
from bench.train.process import TurnTaker, environment
from bench.train.races import Loop, Ours, Race

OURS = "ours"
# How far two runs of the same thing may lie apart.
_NOISE = 0.1


@dataclass(frozen=True)
class Turn:
    """What a turn took for each sample that it passed, and what of the machine others used."""

    name: str
    spent: Spent
    others: float | None
    seconds: float
    accuracy: float | None = None


@dataclass
class Raced:
    """A race with its rounds; in each the turns by the names of loops and goals."""

    race: Race
    rounds: list[dict[str, Turn]] = field(default_factory=list)


@dataclass
class Track:
    """Where races are run.

    Args:
        folder: for data, results and logs.
        threads: of each process.
        say: told what is going on.
        forks: whether each run of ours is a process of its own, as on a site.
    """

    folder: Path
    threads: int
    say: Callable[[str], None]
    forks: bool = True

    def run(self, race: Race, rounds: int) -> Raced:
        """Run a race."""
        raced = Raced(race)
        self.say(race.title)
        with ExitStack() as ends:
            turns = self._turns(race, ends)
            for number in range(1, min(rounds, race.most_rounds) + 1):
                found = {name: self._taken(number, name, take) for name, take in turns}
                raced.rounds.append(found)
        return raced

    def _taken(self, number: int, name: str, take: Callable[[], Turn]) -> Turn:
        turn = take()
        others = "" if turn.others is None else f", others {turn.others:.0%}"
        rate = f"{1 / turn.spent.wall:8.2f}/s {1 / turn.spent.cpu:8.2f}/core-s"
        self.say(f"  {number} {name:22s} {rate}  ({turn.seconds:.1f} s{others})")
        return turn

    def _turns(self, race: Race, ends: ExitStack) -> list[tuple[str, Callable[[], Turn]]]:
        found = [
            (loop.name, self._whole(loop) if loop.whole else self._loop(loop, ends))
            for loop in race.loops
        ]
        warm = self._warm(ends) if any(self._is_forked(one) for one in race.ours) else None
        stays = [one for one in race.ours if not one.cold and not self._is_forked(one)]
        inside = self._inside(ends) if stays else None
        for ours in race.ours:
            taker = None if ours.cold else warm if self._is_forked(ours) else inside
            found.append((ours.goal, lambda ours=ours, taker=taker: self._ours(ours, taker)))
        return found

    def _is_forked(self, ours: Ours) -> bool:
        return self.forks and ours.kind == "run" and not ours.cold

    def _loop(self, loop: Loop, ends: ExitStack) -> Callable[[], Turn]:
        taker = TurnTaker(
            "bench.train.loops",
            loop.kind,
            loop.job.to_text(),
            environment=environment(self.threads, peers=loop.kind != "seed"),
            log=self._log(loop.name),
        )
        ends.callback(taker.end)
        self.say(f"  {loop.name} is ready after {taker.started_s:.1f} s")

        def take() -> Turn:
            machine = Machine()
            answer = taker.ask({"samples": loop.samples})
            spent = Spent(answer["wall"], answer["cpu"])
            others = machine.share_of_others(spent.cpu)
            return Turn(loop.name, spent / answer["samples"], others, spent.wall)

        return take

    def _whole(self, loop: Loop) -> Callable[[], Turn]:
        def take() -> Turn:
            machine, out = Machine(), self._new_folder("whole") / "result.json"
            job = replace(loop.job, out=str(out))
            command = [sys.executable, "-m", "bench.train.loops", loop.kind, job.to_text(), "whole"]
            settings = environment(self.threads, peers=loop.kind != "seed")
            spent = run_whole(command, settings, self._log(loop.name))
            others = machine.share_of_others(spent.cpu)
            accuracy = json.loads(out.read_text())["accuracy"]
            return Turn(loop.name, spent / loop.samples, others, spent.wall, accuracy)

        return take

    def _warm(self, ends: ExitStack) -> TurnTaker:
        """Start the process that a site's worker keeps warm; each run is forked from it."""
        folder = str(self._new_folder("warm"))
        return self._started(ends, "worker.warm", "--folder", folder)

    def _inside(self, ends: ExitStack) -> TurnTaker:
        """Start a process that runs sweeps and rankings one after the other, inside itself."""
        return self._started(ends, "bench.train.engine")

    def _started(self, ends: ExitStack, module: str, *arguments: str) -> TurnTaker:
        taker = TurnTaker(module, *arguments, environment=self._environment(), log=self._log(OURS))
        ends.callback(taker.end)
        self.say(f"  {module} is ready after {taker.started_s:.1f} s")
        return taker

    def _ours(self, ours: Ours, taker: TurnTaker | None) -> Turn:
        machine = Machine()
        spent, accuracy, used = self._spent(ours, taker)
        others = machine.share_of_others(used.cpu)
        return Turn(ours.goal, spent / ours.passes, others, used.wall, accuracy)

    def _spent(self, ours: Ours, taker: TurnTaker | None) -> tuple[Spent, float | None, Spent]:
        """Return what counts, the accuracy, and what was used in all."""
        if ours.way == "later epochs":
            few, many = ours.epochs
            first, _ = self._once(ours, taker, few)
            last, accuracy = self._once(ours, taker, many)
            # Less than their noise, a difference says nothing; it must not look like a great rate.
            least = last * _NOISE
            more = Spent(
                max(last.wall - first.wall, least.wall), max(last.cpu - first.cpu, least.cpu)
            )
            return more / (many - few), accuracy, last + first
        before = Spent(0, 0)
        if ours.again:
            before, _ = self._once(ours, taker)
        spent, accuracy = self._once(ours, taker, keep=ours.again)
        return spent, accuracy, spent + before

    def _once(
        self, ours: Ours, taker: TurnTaker | None, epochs: int = 0, *, keep: bool = False
    ) -> tuple[Spent, float | None]:
        if not keep:
            self._forget()
        out = self._new_folder("out")
        recipe = self.folder / "recipe.yaml"
        recipe.write_text(json.dumps(ours.recipe), encoding="utf-8")
        last = len(ours.recipe.get("train", {}).get("stages", [])) - 1
        settings = [f"train.stages.{last}.epochs={epochs}"] if epochs else []
        order = Order(str(recipe), str(out), str(self.folder), ours.weights, ours.kind, settings)
        if taker is None:
            command = [sys.executable, "-m", "worker", *order.arguments()]
            spent = run_whole(command, self._environment(), self._log(OURS))
        elif self._is_forked(ours):
            spent, answer = taker.timed(_asked(order))
            _require_success(answer, out)
        else:
            spent, _ = taker.timed(asdict(order))
        return spent, accuracy_of(out)

    def _forget(self) -> None:
        """Empty what runs keep for one another: alone, and behind a warm process."""
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        for file in (self.folder / "runs" / "warm" / "features").glob("*"):
            file.unlink()

    def _environment(self) -> dict[str, str]:
        found = environment(self.threads, peers=False)
        return found | {"XDG_CACHE_HOME": str(self.folder / "cache")}

    def _new_folder(self, name: str) -> Path:
        folder = self.folder / "runs" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _log(self, name: str) -> Path:
        folder = self.folder / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name.replace(' ', '-').replace(',', '')}.log"


def _asked(order: Order) -> dict[str, Any]:
    found: dict[str, Any] = {"recipe": order.recipe, "out": order.out, "data_root": order.root}
    if order.weights:
        found["weights"] = order.weights
    return found | {"set": order.settings}


def _require_success(answer: dict[str, Any], out: Path) -> None:
    if answer["exit"]:
        log = out / "output.log"
        text = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        raise SystemExit(f"The engine's run failed: {answer}\n{text}")
    if not answer["warm"]:
        raise SystemExit(
            "The warm engine did not take the run: its figures would be those of cold."
        )


def accuracy_of(out: Path) -> float | None:
    """Return the accuracy on the test split that a run of the engine wrote down."""
    for file in _results(out):
        splits = json.loads(file.read_text()).get("splits", {})
        if "test" in splits:
            value: float = splits["test"]["value"]
            return value
    return None


def _results(out: Path) -> Iterator[Path]:
    for name in ("result.json", "out/result/result.json"):
        if (out / name).is_file():
            yield out / name
