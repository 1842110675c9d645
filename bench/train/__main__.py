"""`python -m bench.train`: race the engine against plain loops and other people's libraries."""

import json
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bench.train import accuracy, report
from bench.train.clock import IDLE_LOAD, load
from bench.train.contest import Raced, Track
from bench.train.loops import PEERS
from bench.train.process import PEERS_FOLDER
from bench.train.races import RACES, Race, Stage

_FOLDER = click.Path(file_okay=False, path_type=Path)
_NEEDS_BF16 = ("lightning-bf16", "timm-amp", "trainer-bf16", "trainer-bf16-grouped")


@click.command()
@click.option("--only", default="", help="Goals, such as G1,G5; all without.")
@click.option("--rounds", default=2, show_default=True, help="Turns of each.")
@click.option("--scale", default=1.0, show_default=True, help="Sizes of the data sets.")
@click.option("--libraries", default="all", help="Raced too: a list such as timm,fastai; none.")
@click.option("--threads", default=0, help="Of each process; without, what the load allows.")
@click.option("--data", type=_FOLDER, help="Folder with real data sets: cifar10, imdb.")
@click.option("--out", type=_FOLDER, default=Path("build/bench-train"), show_default=True)
@click.option("--accuracy", "exact", is_flag=True, help="Compare accuracies over five seeds.")
@click.option("--inside", is_flag=True, help="Run ours in one process, not forked from a warm one.")
@click.option("--bf16", is_flag=True, help="Race bf16 even where it is emulated.")
def main(**options: Any) -> None:
    """Print the ratios, and leave them in --out as bench-train.md and bench-train.json."""
    began, busy = time.monotonic(), load()
    threads = options["threads"] or (1 if busy > IDLE_LOAD else os.cpu_count() or 1)
    measure = "cpu" if busy > IDLE_LOAD else "wall"
    about = {**report.machine(), "load before": busy, "threads": threads, "measure": measure}
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="bench-train-")))
        track = Track(folder, threads, click.echo, forks=not options["inside"])
        stage = Stage(
            folder,
            options["scale"],
            options["data"],
            _libraries(options["libraries"], bf16=options["bf16"]),
        )
        if options["exact"]:
            click.echo(accuracy.run(stage, track))
            return
        races = _raced(track, stage, options)
    about["seconds"] = round(time.monotonic() - began)
    if any(report.disturbed(raced) for raced in races):
        about["measure"] = "cpu"
    _write(options["out"], races, about)


def _raced(track: Track, stage: Stage, options: dict[str, Any]) -> list[Raced]:
    wanted = {name.strip().upper() for name in options["only"].split(",") if name.strip()}
    known = {name.upper() for names, _ in RACES for name in names}
    if wanted - known:
        raise click.BadParameter(f"{wanted - known} is none of {', '.join(sorted(known))}.")
    found = []
    for names, build in RACES:
        if not wanted or wanted.intersection(name.upper() for name in names):
            race = build(stage)
            found.append(track.run(_without_others(race, wanted), options["rounds"]))
    return found


def _without_others(race: Race, wanted: set[str]) -> Race:
    """Return a race with only what of ours was asked for, if any of it was by its own name."""
    named = [ours for ours in race.ours if ours.goal.upper() in wanted]
    return replace(race, ours=named or race.ours)


def _libraries(asked: str, *, bf16: bool) -> list[str]:
    """Return the libraries that can be raced here, and say which cannot."""
    found = [name for name in PEERS if asked == "all" or name in asked.split(",")]
    if found and not PEERS_FOLDER.is_dir():
        click.echo("Only the plain loops are raced: `make bench-train` installs the libraries.")
        return []
    if bf16 or report.has_bf16():
        return found
    click.echo("bf16 is emulated here, many times slower than fp32, and left out; see --bf16.")
    return [name for name in found if name not in _NEEDS_BF16]


def _write(out: Path, races: list[Raced], about: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    page = report.markdown(races, about)
    (out / "bench-train.md").write_text(page, encoding="utf-8")
    text = json.dumps(report.values(races, about), indent=2)
    (out / "bench-train.json").write_text(text, encoding="utf-8")
    click.echo(f"\n{page}\n{out / 'bench-train.md'}")


if __name__ == "__main__":
    main(prog_name="python -m bench.train")
