"""`python -m worker.warm`: runs recipes one after another as a worker does whose engine is warm.

For measuring: each line of standard input is a JSON object with `recipe` and `out`, and where they
are needed `data_root`, `weights` and `set` (a list of `key=value`); each line of standard output
tells how long it took. The first line comes when the engine is warm. `--cold` starts each run cold,
behind the same fences, for comparison.
"""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import click
from safetensors.torch import save_file

from worker import sandbox
from worker.alone import Search, prepare
from worker.contract.attempt import (
    CACHE_FOLDER,
    EVENTS_FILE,
    EXIT_FAILED,
    JOB_FILE,
    AttemptJob,
)
from worker.contract.failures import RunError
from worker.contract.feature_shelf import FEATURES_FOLDER, FeatureShelf
from worker.contract.recipe_text import RecipeError, parse_recipe_text
from worker.engine import Places
from worker.modeling.weights import WEIGHTS_FILE, read_weights, without_ties
from worker.overrides import with_settings
from worker.runner import ENGINE
from worker.sandbox import Child, Job
from worker.warm_engine import WarmEngine

_IDLE_S = 24 * 3600.0
_SHELF_BYTES = 10 * 1024**3


class Bench:
    """Runs recipes in processes of their own, warm where there is an engine that is."""

    def __init__(self, folder: Path, *, is_cold: bool = False) -> None:
        self._strength = sandbox.choose("auto")
        self._folder = folder.resolve()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shelf = FeatureShelf(self._folder / "features", _SHELF_BYTES)
        self._shelf.folder.mkdir(exist_ok=True)
        self._warm = None if is_cold else WarmEngine(self._folder, _IDLE_S, self._strength)

    def wait_until_warm(self) -> float:
        """Return when the next run starts warm, and how many seconds that took."""
        began_at = time.monotonic()
        while self._warm is not None and not self._warm.is_ready:
            self._warm.tend()
            time.sleep(0.05)
        return time.monotonic() - began_at

    def run(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Run what one line asks for.

        Returns:
            `exit`, `seconds` in all, of them `plan_s` before the process starts, and `step_s` after
            which the first step or epoch was told; what a run leaves lies in `out`.

        Raises:
            RunError: base or data were not found, or the doctor found an error.
            RecipeError: the recipe cannot be read.
        """
        began_at = time.monotonic()
        out = Path(asked["out"]).resolve()
        shutil.rmtree(out, ignore_errors=True)
        (out / "out").mkdir(parents=True)
        job, readable = _job(asked, out)
        job = job.model_copy(update={"shelf_dir": str(self._shelf.folder)})
        (out / JOB_FILE).write_text(job.model_dump_json(), encoding="utf-8")
        planned_at = time.monotonic()
        child, is_warm = self._start(out, readable)
        step_s = _first_step(child, out / EVENTS_FILE, planned_at)
        status = child.wait()
        if status == 0:
            self._shelf.put(out / CACHE_FOLDER / FEATURES_FOLDER)
        return {
            "exit": status,
            "warm": is_warm,
            "seconds": round(time.monotonic() - began_at, 3),
            "plan_s": round(planned_at - began_at, 3),
            "step_s": round(step_s, 3),
        }

    def _start(self, out: Path, readable: tuple[Path, ...]) -> tuple[Child, bool]:
        code = sandbox.code_folder(self._folder.parent)
        job = Job(
            argv=(*ENGINE, "--job", str(out)),
            writable=(out,),
            readable=(*readable, self._shelf.folder, code),
            environment={"PYTHONPATH": str(code), "HF_HUB_OFFLINE": "1"},
        )
        with (out / "output.log").open("wb") as output:
            forked = self._warm and self._warm.start(job, out, output)
            return forked or sandbox.start(job, self._strength, output), bool(forked)

    def close(self) -> None:
        """Let the engine go."""
        if self._warm is not None:
            self._warm.close()


def _job(asked: dict[str, Any], out: Path) -> tuple[AttemptJob, tuple[Path, ...]]:
    path = Path(asked["recipe"])
    values = parse_recipe_text(path.read_text(encoding="utf-8"))
    recipe = with_settings(values, tuple(asked.get("set", ())))
    roots = [Path(asked["data_root"])] if "data_root" in asked else []
    weights = Path(asked["weights"]) if "weights" in asked else None
    search = Search((*roots, path.parent, Path.cwd()))
    examination, places = prepare(recipe, search, weights, out)
    if places.weights is not None and places.weights.suffix != ".safetensors":
        # A site has only safetensors; the plan pins their hash.
        examination, places = prepare(recipe, search, _converted(places.weights, out), out)
    if examination.plan is None:
        finding = examination.errors[0]
        raise click.ClickException(f"{finding.sentence} {finding.advice}")
    inputs = _inputs(places, out)
    plan = examination.plan
    readable = tuple(Path(place) for place in inputs.values())
    return AttemptJob(plan=plan, inputs={k: str(v) for k, v in inputs.items()}), readable


def _inputs(places: Places, out: Path) -> dict[str, Path]:
    found = {"data": places.data.resolve(), "base": _base_folder(places, out)}
    found["test"] = places.test_data.resolve() if places.test_data else None
    found["teacher"] = places.teacher.resolve().parent if places.teacher else None
    return {role: place for role, place in found.items() if place is not None}


def _base_folder(places: Places, out: Path) -> Path | None:
    """Return a folder with the weights under the name that a site gives them."""
    if places.weights is None:
        return places.base
    if places.weights.name == WEIGHTS_FILE:
        return places.weights.resolve().parent
    (out / "base").mkdir()
    shutil.copyfile(places.weights, out / "base" / WEIGHTS_FILE)
    return out / "base"


def _converted(weights: Path, out: Path) -> Path:
    target = out / "converted" / WEIGHTS_FILE
    target.parent.mkdir()
    save_file(without_ties(read_weights(weights)), target)
    return target


def _first_step(child: Child, events: Path, since: float) -> float:
    """Return after how many seconds the first step or epoch was told, or the end."""
    while child.poll() is None:
        text = events.read_text(encoding="utf-8") if events.exists() else ""
        if '"StepsReported"' in text or '"EpochFinished"' in text:
            break
        time.sleep(0.01)
    return time.monotonic() - since


@click.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), required=True, help="Scratch of the warm process."
)
@click.option("--cold", is_flag=True, help="Start each run cold.")
def main(folder: Path, cold: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Run the recipes that standard input names, one JSON object a line."""
    bench = Bench(folder, is_cold=cold)
    try:
        _say({"ready": True, "seconds": round(bench.wait_until_warm(), 3)})
        for line in sys.stdin:
            try:
                _say(bench.run(json.loads(line)))
            except (RunError, RecipeError) as error:
                _say({"exit": EXIT_FAILED, "error": str(error)})
    finally:
        bench.close()


def _say(values: dict[str, Any]) -> None:
    click.echo(json.dumps(values))
    sys.stdout.flush()


if __name__ == "__main__":
    main(prog_name="python -m worker.warm")
