"""How values, measures and states are written."""

import json
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse

from app.core.i18n import _
from app.core.templating import percent
from app.sweeps.schemas import SweepState
from worker.contract.recipe import Recipe
from worker.contract.tasks import MEASURES

_STAGES = "train.stages."


class Chip(NamedTuple):
    """A state as people see it: a colour of the design, an icon and a word."""

    tone: str
    icon: str
    label: str
    live: bool = False


def sweep_chip(state: SweepState) -> Chip:
    """Return how the state of a sweep is shown."""
    chips = {
        SweepState.RUNNING: Chip("run", "run", _("Running"), live=True),
        SweepState.PAUSED: Chip("note", "clock", _("Paused")),
        SweepState.SUCCEEDED: Chip("done", "check", _("Finished")),
        SweepState.FAILED: Chip("fail", "cross", _("Failed")),
        SweepState.CANCELLED: Chip("warn", "stop", _("Cancelled")),
    }
    return chips[state]


def trial_chip(state: str) -> Chip:
    """Return how the state of a trial or a combination is shown."""
    chips = {
        "queued": Chip("note", "clock", _("Waiting"), live=True),
        "leased": Chip("run", "worker", _("Starting"), live=True),
        "running": Chip("run", "run", _("Running"), live=True),
        "finalizing": Chip("run", "upload", _("Storing"), live=True),
        "succeeded": Chip("done", "check", _("Measured")),
        "failed": Chip("fail", "cross", _("Failed")),
        "cancelled": Chip("warn", "stop", _("Cancelled")),
        "pruned": Chip("warn", "filter", _("Given up")),
    }
    return chips[state]


def measured(value: float | None, name: str) -> str:
    """Return a value as people read it: shares in per cent."""
    if value is None:
        return "–"
    return percent(value, 2) if is_share(name) else f"{value:.4g}"


def is_share(name: str) -> bool:
    """Whether a measure is a fraction."""
    known = MEASURES.get(name)
    return known is not None and known.is_share


def measure_title(name: str) -> str:
    """Return the measure's name in the reader's language."""
    known = MEASURES.get(name)
    return _(known.title) if known is not None else name


def value_text(value: Any) -> str:
    """Return one tried value, short."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def place_title(path: str, recipe: Recipe) -> str:
    """Return a short name of a place in the recipe; stages go by their names."""
    if not path.startswith(_STAGES):
        return path.partition(".")[2] or path
    number, _dot, rest = path.removeprefix(_STAGES).partition(".")
    stages = recipe.train.stages
    stage = stages[int(number)] if number.isdigit() and int(number) < len(stages) else None
    name = getattr(stage, "name", None) or number
    return f"{name}: {rest.removeprefix('optimizer.')}"


def see(path: str) -> RedirectResponse:
    """Go on to another page after a form was accepted."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def to_sign_in(request: Request) -> RedirectResponse:
    """Ask a visitor to sign in, and come back here afterwards."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see(f"/login?next={quote(here, safe='')}")
