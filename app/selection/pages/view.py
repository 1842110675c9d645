"""What the page of a comparison shows, worked out from its record alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.core.i18n import _, ngettext
from app.core.templating import percent
from app.selection.service import Record
from worker.contract.failures import EXPLANATIONS
from worker.contract.rank import SCORES, CandidateResult, RankResult, Share

_SURE = 0.95
_LOW_AGREEMENT = 0.4
_FEW_SAMPLES = 300
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_MOST_TICKS = 6


class Dots(NamedTuple):
    """A row of the picture, in per cent of its width."""

    low: float
    high: float
    probe: float
    knn: float


@dataclass(frozen=True)
class Row:
    """A candidate on the page. `place` counts from 1, or says from where to where it may be."""

    item: CandidateResult
    name: str
    place: str
    dots: Dots | None
    seconds: float
    failure: str = ""


class Column(NamedTuple):
    """A column that can be sorted by; `help` says in a sentence what it holds."""

    key: str
    title: str
    help: str


@dataclass(frozen=True)
class RankingView:
    """The whole page: rows in the order asked for, ticks of the picture, and what to conclude."""

    rows: Sequence[Row]
    failed: Sequence[Row]
    ticks: Sequence[tuple[float, str]]
    columns: Sequence[Column]
    sort: str
    advice: Sequence[str]
    num_candidates: int


_Key = Callable[[CandidateResult], float]
# Each gives more to what comes first.
_KEYS: Mapping[str, _Key] = {
    "probe": lambda item: item.probe.value if item.probe else -math.inf,
    "knn": lambda item: item.knn.value if item.knn else -math.inf,
    "params": lambda item: -item.total_count,
    "size": lambda item: -item.weights_bytes,
    "seconds": lambda item: -_seconds(item),
}


def ranking_view(record: Record, sort: str) -> RankingView:
    """Return the page of a comparison, its table sorted by one of its columns."""
    good = [item for item in record.candidates if item.failure is None]
    sort = sort if sort in _KEYS or sort in SCORES else "probe"
    key = _KEYS.get(sort) or (lambda item: item.scores.get(sort, -math.inf))
    shares = [share for item in good for share in (item.probe, item.knn) if share]
    low, high, step = _scale(shares)
    rows = [_row(item, low, high) for item in sorted(good, key=key, reverse=True)]
    return RankingView(
        rows=rows,
        failed=[_row(item, low, high) for item in record.candidates if item.failure is not None],
        ticks=_ticks(low, high, step),
        columns=_columns(),
        sort=sort,
        advice=_advice(record.result) if record.result else (),
        num_candidates=len(record.request.candidates),
    )


def _scale(shares: Sequence[Share]) -> tuple[float, float, float]:
    """Return where the picture begins and ends, and how far apart its lines are."""
    if not shares:
        return 0.0, 1.0, 0.25
    low, high = min(share.low for share in shares), max(share.high for share in shares)
    step = next((step for step in _STEPS if (high - low) / step <= _MOST_TICKS), _STEPS[-1])
    return math.floor(low / step) * step, min(1.0, math.ceil(high / step) * step), step


def _ticks(low: float, high: float, step: float) -> list[tuple[float, str]]:
    count = round((high - low) / step)
    values = [low + step * number for number in range(count + 1)]
    return [(_at(value, low, high), f"{value:.0%}") for value in values if value <= high]


def _at(value: float, low: float, high: float) -> float:
    return round(100 * (value - low) / (high - low), 2) if high > low else 50.0


def _row(item: CandidateResult, low: float, high: float) -> Row:
    dots = None
    if item.probe and item.knn:
        dots = Dots(
            low=_at(item.probe.low, low, high),
            high=_at(item.probe.high, low, high),
            probe=_at(item.probe.value, low, high),
            knn=_at(item.knn.value, low, high),
        )
    name = item.repo
    if item.weights == "random":
        name = _("%(name)s, random weights") % {"name": name}
    return Row(item, name, _place(item), dots, _seconds(item), _failure(item))


def _place(item: CandidateResult) -> str:
    if not item.rank_low:
        return "–"
    if item.rank_low == item.rank_high:
        return str(item.rank_low)
    return f"{item.rank_low}–{item.rank_high}"


def _seconds(item: CandidateResult) -> float:
    return item.feature_seconds + item.score_seconds


def _failure(item: CandidateResult) -> str:
    if item.failure is None:
        return ""
    known = EXPLANATIONS[item.failure.code]
    return " ".join(part for part in (_(known.sentence), item.failure.detail) if part)


def _columns() -> list[Column]:
    about = {
        "logme": _("How probable the classes are under a linear model of the features."),
        "h_score": _("How much of the features' spread lies between the classes."),
        "leep": _("How well the model's own classes foretell yours."),
        "n_leep": _("LEEP with groups found in the features instead of own classes."),
        "nce": _("How much the model's own classes tell of yours."),
        "gbc": _("How little your classes overlap in the features."),
        "trans_rate": _("How much more compact each class is than all together."),
    }
    return [
        Column("probe", _("Probe"), _("Accuracy of a linear classifier on samples held out.")),
        Column("knn", _("Neighbours"), _("Share whose ten nearest samples vote for their class.")),
        *(Column(key, title, about[key]) for key, title in SCORES.items()),
        Column("params", _("Parameters"), _("Fewer train and answer faster.")),
        Column("size", _("Weights"), _("Size of the file with the weights.")),
        Column("seconds", _("Seconds"), _("What measuring this model took.")),
    ]


def _advice(result: RankResult) -> list[str]:
    """Return what to conclude, in sentences."""
    measured = result.measured
    if len(measured) < 2:  # noqa: PLR2004 - nothing to compare
        return []
    said = [_lead(result, measured)]
    if result.agreement is not None and result.agreement < _LOW_AGREEMENT:
        said.append(
            _("The measures disagree. Fine-tune the first two and compare what they reach.")
        )
    if result.num_samples < _FEW_SAMPLES:
        text = ngettext(
            "Only %(n)d sample was measured, so the intervals are wide.",
            "Only %(n)d samples were measured, so the intervals are wide.",
            result.num_samples,
        )
        said.append(text % {"n": result.num_samples})
    return said


def _lead(result: RankResult, measured: Sequence[CandidateResult]) -> str:
    first = measured[0]
    close = [item for item in measured if item.rank_low == 1]
    if first.leads >= _SURE or len(close) == 1:
        return _(
            "By its probe %(name)s leads clearly: it comes first in %(share)s of resamples."
        ) % {
            "name": first.repo,
            "share": percent(first.leads, 0),
        }
    small = min(close, key=lambda item: item.total_count)
    return _(
        "%(n)d models may lead; %(samples)d samples cannot tell them apart. "
        "The smallest of them is %(name)s."
    ) % {"n": len(close), "samples": result.num_samples, "name": small.repo}
