"""Ratios of a race and the tables they make: medians over rounds, between the extremes."""

import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bench.train.clock import DISTURBED, Spent
from bench.train.contest import Raced, Turn
from bench.train.races import GOALS

Measure = Literal["wall", "cpu"]
# A loop against which a goal is held in place of the plain one.
_OTHER_SEED = {"G5-dynamic": "seed, longest"}


@dataclass(frozen=True)
class Ratio:
    """How many times as fast, as the median of the rounds, with the smallest and the largest."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.median)}x ({number(self.low)}..{number(self.high)})"


def number(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(slow: Sequence[Spent], fast: Sequence[Spent], measure: Measure) -> Ratio:
    """Return how many times as fast the second is, round by round."""
    found = [
        getattr(one, measure) / getattr(other, measure)
        for one, other in zip(slow, fast, strict=True)
    ]
    return Ratio(statistics.median(found), min(found), max(found))


@dataclass(frozen=True)
class Line:
    """What a race says of one goal. `peer` names the fastest of the libraries."""

    goal: str
    title: str
    against_seed: Ratio
    wanted: float
    peer: str | None
    against_peer: Ratio | None
    wanted_peer: float | None
    reached: bool


def lines_of(raced: Raced, measure: Measure) -> list[Line]:
    """Return a line for each goal of a race, and for goals that only read its rounds."""
    names = [ours.goal for ours in raced.race.ours]
    if "G5" in names:
        names.append("G5-dynamic")
    return [_line(raced, name, measure) for name in names]


def _line(raced: Raced, name: str, measure: Measure) -> Line:
    goal, rounds = GOALS[name], raced.rounds
    own = _spent(rounds, "G5" if name == "G5-dynamic" else name)
    seed = _OTHER_SEED.get(name, raced.race.loops[0].name)
    against_seed = ratio(_spent(rounds, seed), own, measure)
    peers = [loop.name for loop in raced.race.loops if not loop.name.startswith("seed")]
    peer = min(peers, key=lambda one: _middle(rounds, one, measure), default=None)
    against_peer = ratio(_spent(rounds, peer), own, measure) if peer else None
    reached = against_seed.median >= goal.times and (not goal.as_right or _as_right(rounds, name))
    if against_peer is not None and goal.times_peer is not None:
        reached = reached and against_peer.median >= goal.times_peer
    wanted_peer = goal.times_peer if peer else None
    return Line(
        name, goal.title, against_seed, goal.times, peer, against_peer, wanted_peer, reached
    )


def _as_right(rounds: Sequence[Mapping[str, Turn]], name: str) -> bool:
    pairs = [(found["seed"].accuracy, found[name].accuracy) for found in rounds]
    return all(our is not None and their is not None and our >= their for their, our in pairs)


def _spent(rounds: Sequence[Mapping[str, Turn]], name: str) -> list[Spent]:
    return [found[name].spent for found in rounds]


def _middle(rounds: Sequence[Mapping[str, Turn]], name: str, measure: Measure) -> float:
    return statistics.median(getattr(one, measure) for one in _spent(rounds, name))


def disturbed(raced: Raced) -> bool:
    """Return whether others used so much of the machine that the wall clock tells of them."""
    turns = [turn for found in raced.rounds for turn in found.values()]
    return any(turn.others is not None and turn.others > DISTURBED for turn in turns)


def markdown(races: Sequence[Raced], about: Mapping[str, Any]) -> str:
    """Return everything as a page: conditions, goals, then each race with its rounds."""
    rows = ["# Training speed", "", *_conditions(about), "", *_goals(races, about), ""]
    for raced in races:
        rows += [f"## {raced.race.title}", "", *_turns(raced), ""]
    return "\n".join(rows)


def _conditions(about: Mapping[str, Any]) -> list[str]:
    found = [f"- {key}: {value}" for key, value in about.items() if key != "measure"]
    if about["measure"] == "cpu":
        found.append(
            "- The machine was not idle: wall clocks are void, the ratios are of seconds of cores "
            f"at {about['threads']} thread(s). At one thread torch computes batches of four more "
            "slowly than at two, so ratios to the loops of G1 and G7 read about a fifth too high."
        )
    return found


def _goals(races: Sequence[Raced], about: Mapping[str, Any]) -> list[str]:
    rows = [
        "| goal | what | times the plain loop | wanted | fastest library | times it | wanted | |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | --- |",
    ]
    for line in (line for raced in races for line in lines_of(raced, about["measure"])):
        peer = (line.peer or "–", str(line.against_peer or "–"), _wanted(line.wanted_peer))
        told = (line.goal, line.title, str(line.against_seed), _wanted(line.wanted), *peer)
        rows.append(f"| {' | '.join(told)} | {'reached' if line.reached else 'missed'} |")
    return rows


def _wanted(value: float | None) -> str:
    return "–" if value is None else f"{number(value)}x"


def _turns(raced: Raced) -> list[str]:
    rows = [
        "| who | samples/s | samples per second of a core | used by others | accuracy |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name in raced.rounds[0]:
        turns = [found[name] for found in raced.rounds]
        wall, cpu = (
            number(1 / statistics.median(getattr(turn.spent, one) for turn in turns))
            for one in ("wall", "cpu")
        )
        others = max((turn.others for turn in turns if turn.others is not None), default=None)
        share = "–" if others is None else f"{others:.0%}"
        right = turns[-1].accuracy
        rows.append(f"| {name} | {wall} | {cpu} | {share} | {'–' if right is None else right} |")
    return rows


def values(races: Sequence[Raced], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything for a file of JSON."""
    return {
        "about": dict(about),
        "goals": [asdict(line) for raced in races for line in lines_of(raced, about["measure"])],
        "races": [
            {
                "title": raced.race.title,
                "rounds": [
                    {name: asdict(turn) for name, turn in found.items()} for found in raced.rounds
                ],
            }
            for raced in races
        ],
    }


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    import torch

    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    brief = "yes" if has_bf16() else "no (those who ask for it get it emulated, many times slower)"
    return {
        "machine": f"{len(names)} x {names[0] if names else platform.processor()}",
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "bf16 in hardware": brief,
        "torch": torch.__version__,
    }


def has_bf16() -> bool:
    """Return whether this processor computes in bf16, by the rule of the engine."""
    from worker.training.precision import computes_bf16

    return computes_bf16()
