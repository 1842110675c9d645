"""Small pictures a run left of its ways of training: changed samples, and rates that were tried."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol
from urllib.parse import quote

from app.core.i18n import _
from worker.contract.plan import Plan

_FOLDER = "pictures/"
_RATE = "rate-"


class File(Protocol):
    """A file that a run left."""

    @property
    def path(self) -> str: ...


class WayPicture(NamedTuple):
    """A picture with what it shows."""

    address: str
    title: str
    alt: str


def way_pictures(job_id: int, plan: Plan, files: Iterable[File]) -> list[WayPicture]:
    """Return the pictures among a run's files, those of changed samples first."""
    names = sorted(file.path for file in files if file.path.startswith(_FOLDER))
    return [_picture(job_id, plan, name) for name in names if name.endswith(".png")]


def _picture(job_id: int, plan: Plan, path: str) -> WayPicture:
    address = f"/api/v1/jobs/{job_id}/artifacts/{quote(path)}"
    stem = path.removeprefix(_FOLDER).removesuffix(".png")
    number = stem.removeprefix(_RATE)
    if stem.startswith(_RATE) and number.isdecimal() and 0 < int(number) <= len(plan.stages):
        stage = plan.stages[int(number) - 1].name
        return WayPicture(
            address,
            _("Rates tried before stage %(stage)s") % {"stage": stage},
            _("Curve of the loss over the learning rate, with the rate taken as a red line."),
        )
    return WayPicture(
        address,
        _("Training samples, changed at random"),
        _("Eight training pictures as the network saw them."),
    )
