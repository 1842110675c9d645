"""`tuningfork sweep`: submit, watch and show sweeps on any site, over its API, with a token."""

import time
from pathlib import Path
from typing import Any

import click

from app.commands.jobs import Api, url_option

Json = dict[str, Any]

_EXIT_CODES = {"succeeded": 0, "failed": 1, "cancelled": 2}
_LOOK_EVERY_S = 2.0
_NO_VALUE = "–"


@click.group()
def sweep() -> None:
    """Try several settings of a recipe, and learn which is best.

    The token comes from TUNINGFORK_TOKEN or HF_TOKEN.
    """


@sweep.command("submit")
@click.argument("recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--wait", is_flag=True, help="Follow the sweep until it has ended.")
@url_option
def submit_sweep(recipe: Path, url: str, *, wait: bool) -> None:
    """Begin the sweep of RECIPE (with search, cross_validation or seeds); print its number."""
    api = Api(url)
    try:
        text = recipe.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{recipe} is not a text in UTF-8.") from error
    begun = api.call("POST", "/sweeps", {"recipe": text})
    click.echo(f"{api.url}/sweeps/{begun['id']}", err=True)
    click.echo(begun["id"])
    if wait:
        _follow(api, begun["id"])


@sweep.command("watch")
@click.argument("number", type=click.IntRange(min=1))
@url_option
def watch_sweep(number: int, url: str) -> None:
    """Follow sweep NUMBER; exit 0 if it succeeded, 1 if it failed, 2 if it was cancelled."""
    _follow(Api(url), number)


@sweep.command("show")
@click.argument("number", type=click.IntRange(min=1))
@url_option
def show_sweep(number: int, url: str) -> None:
    """Print the combinations of sweep NUMBER, the best first."""
    for line in told(Api(url).call("GET", f"/sweeps/{number}")):
        click.echo(line)


@sweep.command("cancel")
@click.argument("number", type=click.IntRange(min=1))
@url_option
def cancel_sweep(number: int, url: str) -> None:
    """End sweep NUMBER and its running trials; what was measured stays."""
    click.echo(Api(url).call("POST", f"/sweeps/{number}/cancel")["state"])


def _follow(api: Api, number: int) -> None:
    shown: dict[int, str] = {}
    while True:
        found = api.call("GET", f"/sweeps/{number}")
        for point in found["points"]:
            line = _point_line(found, point)
            if point["state"] != "running" and shown.get(point["point"]) != line:
                shown[point["point"]] = line
                click.echo(line, err=True)
        if found["state"] in _EXIT_CODES:
            break
        time.sleep(_LOOK_EVERY_S)
    for line in told(found):
        click.echo(line)
    raise SystemExit(_EXIT_CODES[found["state"]])


def told(found: Json) -> list[str]:
    """Return a sweep as lines: its state, then each combination, the best first."""
    sign = -1 if found["direction"] == "maximize" else 1
    worst = float("inf")
    points = sorted(
        found["points"],
        key=lambda p: worst if p["mean"] is None else sign * p["mean"],
    )
    ended = f"{found['num_ended']} of {found['num_jobs']} jobs ended"
    reason = f" {found['reason']}" if found["reason"] else ""
    lines = [f"{found['title']}: {found['state']}, {ended}.{reason}"]
    lines += [_point_line(found, point) for point in points]
    if found["best_job"] is not None:
        lines.append(f"best job {found['best_job']}")
    return lines


def _point_line(found: Json, point: Json) -> str:
    mark = "*" if point["point"] == found["best_point"] else " "
    mean = _NO_VALUE if point["mean"] is None else f"{point['mean']:.4f}"
    deviation = f" ± {point['sd']:.4f}" if point["sd"] is not None else ""
    values = "  ".join(f"{path}={_short(value)}" for path, value in point["params"].items())
    number, state = point["point"], point["state"]
    return f"{mark} {number:3d}  {state:9s}  {found['metric']} {mean}{deviation}  {values}".rstrip()


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
