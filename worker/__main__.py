"""The engine's command line: `python -m worker run recipe.yaml --out DIR` needs no server."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.contract.attempt import EXIT_FAILED, EXIT_STOPPED, RESULT_FOLDER
from worker.contract.failures import Failure, RunError
from worker.contract.findings import Finding
from worker.contract.plan import Plan
from worker.contract.recipe_text import RecipeError, parse_recipe_text
from worker.overrides import with_settings

if TYPE_CHECKING:
    from worker.engine import Places

# torch is imported by the commands that need it, so that --help answers at once. Its threads must
# not spin while they wait: beside other work on the same cores that made a step 4 times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Fine-tune models from a recipe, alone or for a site."""


@main.command("run")
@click.argument("recipe_file", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="Folder for result and checkpoints.")
@click.option("--weights", type=FILE, help="File with the base's weights (safetensors or .pth).")
@click.option("--data-root", type=FOLDER, help="Folder in which data sets and bases are looked up.")
@click.option("--set", "settings", multiple=True, help="Overrides a value: train.batch_size=8.")
@click.option("--resume", is_flag=True, help="Continue from the newest checkpoint in --out.")
def run_command(
    recipe_file: Path,
    out: Path,
    weights: Path | None,
    data_root: Path | None,
    settings: tuple[str, ...],
    resume: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Run RECIPE_FILE and leave weights, card and result.json in --out."""
    with _told():
        plan, places = _prepared(recipe_file, out, weights, data_root, settings)
        _run(plan, places, resume=resume)


@contextmanager
def _told() -> Iterator[None]:
    """Tell people what stands against their work, and end with its exit code."""
    try:
        yield
    except RecipeError as error:
        for problem in error.problems:
            click.echo(f"{problem.path or 'recipe'}: {problem.message} {problem.fix}", err=True)
        sys.exit(2)
    except RunError as error:
        _show_failure(error.failure())
        sys.exit(EXIT_FAILED)


def _prepared(
    recipe_file: Path,
    out: Path,
    weights: Path | None,
    data_root: Path | None,
    settings: tuple[str, ...],
) -> tuple[Plan, "Places"]:
    values = parse_recipe_text(recipe_file.read_text(encoding="utf-8"))
    recipe = with_settings(values, settings)
    from worker.alone import Search, prepare

    roots = [data_root] if data_root else []
    search = Search((*roots, recipe_file.parent, Path.cwd()))
    examination, places = prepare(recipe, search, weights, out)
    _tell_findings(examination.findings)
    if examination.plan is None:
        sys.exit(EXIT_FAILED)
    return examination.plan, places


def _tell_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        click.echo(f"{finding.severity}: {finding.sentence} {finding.advice}", err=True)
        for name in finding.files if finding.severity == "error" else ():
            click.echo(f"  {name}", err=True)


def _run(plan: Plan, places: "Places", *, resume: bool) -> None:
    from worker.alone import keep_features
    from worker.attempt import StopSignal
    from worker.contract.attempt import CHECKPOINTS_FOLDER
    from worker.engine import run_plan
    from worker.terminal import Terminal
    from worker.training.checkpoint import newest_checkpoint
    from worker.training.loop import StoppedError

    stop = StopSignal()
    stop.catch()
    start = newest_checkpoint(places.out / CHECKPOINTS_FOLDER) if resume else None
    try:
        run_plan(plan, places, Terminal(), stop, start)
    except StoppedError:
        click.echo("Stopped; continue with --resume.", err=True)
        sys.exit(EXIT_STOPPED)
    keep_features(places.out)
    for path in (places.out / RESULT_FOLDER).iterdir():
        target = places.out / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
    (places.out / RESULT_FOLDER).rmdir()
    click.echo(places.out / "result.json")


def _show_failure(failure: Failure) -> None:
    click.echo(f"{failure.code}: {failure.sentence} {failure.detail}", err=True)
    click.echo(failure.fix, err=True)


@main.command("sweep")
@click.argument("recipe_file", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="Folder; each trial gets one inside it.")
@click.option("--weights", type=FILE, help="File with the base's weights (safetensors or .pth).")
@click.option("--data-root", type=FOLDER, help="Folder in which data sets and bases are looked up.")
def sweep_command(
    recipe_file: Path, out: Path, weights: Path | None, data_root: Path | None
) -> None:
    """Try what the search, cross_validation and seeds of RECIPE_FILE say, one after another."""
    with _told():
        _sweep(recipe_file, out, weights, [data_root] if data_root else [])


def _sweep(recipe_file: Path, out: Path, weights: Path | None, roots: list[Path]) -> None:
    from worker.contract.sweep_text import sweep_from_text

    wanted = sweep_from_text(recipe_file.read_text(encoding="utf-8"))
    from worker.alone import Search
    from worker.attempt import StopSignal
    from worker.sweep import SWEEP_FILE, AloneSweep, told
    from worker.terminal import Terminal
    from worker.training.loop import StoppedError

    stop = StopSignal()
    stop.catch()
    folders = Search((*roots, recipe_file.parent, Path.cwd()))

    def tell(line: str) -> None:
        click.echo(line, err=True)

    try:
        report = AloneSweep(wanted, folders, weights, out, Terminal(), tell, stop).run()
    except StoppedError:
        click.echo("Stopped; the same command goes on.", err=True)
        sys.exit(EXIT_STOPPED)
    for line in told(report):
        click.echo(line)
    click.echo(out / SWEEP_FILE)


@main.command("rank")
@click.argument("request_file", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="Folder for the result and the features.")
@click.option("--data-root", type=FOLDER, help="Folder in which data sets and bases are looked up.")
def rank_command(request_file: Path, out: Path, data_root: Path | None) -> None:
    """Compare the base models of REQUEST_FILE on its data: a table, then JSON, then a file."""
    with _told():
        _rank(request_file, out, [data_root] if data_root else [])


def _rank(request_file: Path, out: Path, roots: list[Path]) -> None:
    from worker.contract.rank import request_from_text

    request = request_from_text(request_file.read_text(encoding="utf-8"))
    from worker.alone import Search
    from worker.attempt import StopSignal
    from worker.rank import run_ranking
    from worker.rank_alone import keep_result, prepare_ranking, table
    from worker.terminal import Terminal
    from worker.training.loop import StoppedError

    search = Search((*roots, request_file.parent, Path.cwd()))
    examination, places = prepare_ranking(request, search, out)
    _tell_findings(examination.findings)
    if examination.plan is None:
        sys.exit(EXIT_FAILED)
    stop = StopSignal()
    stop.catch()
    try:
        result = run_ranking(examination.plan, places, Terminal(), stop)
    except StoppedError:
        click.echo("Stopped; what was measured is kept, run it again.", err=True)
        sys.exit(EXIT_STOPPED)
    click.echo(table(result), err=True)
    click.echo(result.model_dump_json())
    click.echo(keep_result(out), err=True)


@main.command("run-attempt")
@click.option("--job", type=FOLDER, required=True, help="Job folder with job.json.")
def run_attempt_command(job: Path) -> None:
    """Run one attempt that a site's worker has prepared in a job folder."""
    from worker.attempt import run_attempt

    sys.exit(run_attempt(job))


@main.command("serve")
def serve_command() -> None:
    """Work for a site: claim jobs and run them, until told to stop."""
    from worker.serve import serve

    sys.exit(serve())


@main.command("convert-starter")
@click.option("--out", type=FOLDER, required=True, help="Folder for the repositories.")
def convert_starter_command(out: Path) -> None:
    """Write the starter models and the starter data set as repository folders."""
    from worker.starter import convert_starter

    try:
        convert_starter(out, click.echo)
    except RunError as error:
        _show_failure(error.failure())
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main(prog_name="python -m worker")
