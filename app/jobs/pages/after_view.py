"""What the run page shows of the time after training: comparisons, other forms, explanations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from urllib.parse import quote

from app.core.i18n import _
from app.core.templating import percent
from app.jobs.pages.measures import measure_title, measured
from worker.contract.after_results import (
    Calibration,
    CalibrationBin,
    EvaluationReport,
    ExplainedSample,
    ExplanationReport,
    ExportedForm,
    ExportReport,
    Slice,
    TokenWeight,
)
from worker.contract.manifest import Result

MAX_SLICES = 12
_STRENGTHS = 5
_GOOD_ECE = 0.05
_ALIKE = 0.5


@dataclass(frozen=True)
class Dot:
    """A line of the dot plot. `x`, `low` and `high` are places from 0 to 100."""

    label: str
    text: str
    interval: str
    x: float
    low: float
    high: float
    seconds: float | None
    is_ours: bool = False
    num_rows: int | None = None


@dataclass(frozen=True)
class Bar:
    """A bar of the calibration diagram, in a square of 100 with its origin at the top left.

    `weight` grows with the samples in it, from 0.2 to 1.
    """

    x: float
    width: float
    y: float
    height: float
    dot_x: float
    weight: float
    title: str


@dataclass(frozen=True)
class SliceRow:
    """A part of the split. `is_weak`: its whole interval lies below the headline."""

    value: str
    size: int
    text: str
    x: float
    low: float
    high: float
    is_weak: bool


@dataclass(frozen=True)
class SliceTable:
    """Parts of the split by one property; `hidden` says how many are left out."""

    title: str
    rows: Sequence[SliceRow]
    hidden: int


@dataclass(frozen=True)
class FormRow:
    """A form of the result. `tone`, `icon` and `verdict` say whether it was kept, `why` why not."""

    title: str
    form: ExportedForm
    share: str
    value: str
    drop: str
    tone: str
    icon: str
    verdict: str
    why: str
    address: str


@dataclass(frozen=True)
class Picture:
    """A picture of the grid with what is said under it."""

    address: str
    title: str
    alt: str


@dataclass(frozen=True)
class Token:
    """A piece of text. `strength` is 0 to 5; `speaks` is for or against."""

    text: str
    strength: int
    speaks: str


@dataclass(frozen=True)
class ExplainedView:
    """An explained sample."""

    name: str
    chosen: str
    tone: str
    icon: str
    true: str
    predicted: str
    probability: str
    pictures: Sequence[Picture]
    tokens: Sequence[Token]


@dataclass(frozen=True)
class AfterView:
    """Everything after training, ready to be written down; empty where there is nothing."""

    metric: str
    dots: Sequence[Dot] = ()
    too_slow: bool = False
    calibration: Calibration | None = None
    bars: Sequence[Bar] = ()
    calibration_said: str = ""
    slices: Sequence[SliceTable] = ()
    forms: Sequence[FormRow] = ()
    max_drop: str = ""
    explained: Sequence[ExplainedView] = ()
    explanations: ExplanationReport | None = None
    explanations_said: str = ""


def after_view(job_id: int, result: Result | None) -> AfterView | None:
    """Return what a result says about the time after training; None without a result."""
    if result is None:
        return None
    headline, report = result.headline, result.evaluation
    files = f"/api/v1/jobs/{job_id}/artifacts"
    calibration = report.calibration if report else None
    return AfterView(
        metric=measure_title(headline.metric),
        dots=_dots(result, report) if report else (),
        too_slow=report is not None and report.skipped == "too_slow",
        calibration=calibration,
        bars=_bars(calibration) if calibration else (),
        calibration_said=_calibration_said(calibration) if calibration else "",
        slices=_slices(report, headline.value) if report else (),
        forms=[_form(form, result.exports, files) for form in result.exports.forms]
        if result.exports
        else (),
        max_drop=_points(result.exports.max_metric_drop) if result.exports else "",
        explained=[_explained(sample, files) for sample in result.explanations.samples]
        if result.explanations
        else (),
        explanations=result.explanations,
        explanations_said=_explanations_said(result.explanations),
    )


def _dots(result: Result, report: EvaluationReport) -> list[Dot]:
    if not report.baselines:
        return []
    headline = result.headline
    names = {
        "majority": _("Always the largest class"),
        "random-features": _("One layer on random features"),
        "pretrained-features": _("One layer on the untouched base"),
        "bag-of-words": _("Counting words"),
        "mean": _("Always the mean"),
    }
    dots = [
        replace(
            _dot(names[item.name], report.metric, (item.value, item.low, item.high), item.seconds),
            num_rows=item.num_rows,
        )
        for item in report.baselines
    ]
    low, high = headline.low, headline.high
    own = (
        headline.value,
        headline.value if low is None else low,
        headline.value if high is None else high,
    )
    ours = _dot(_("This run"), report.metric, own, result.seconds, is_ours=True)
    return [*sorted(dots, key=lambda dot: dot.x), ours]


def _dot(
    label: str,
    metric: str,
    numbers: tuple[float, float, float],
    seconds: float,
    *,
    is_ours: bool = False,
) -> Dot:
    value, low, high = numbers
    return Dot(
        label=label,
        text=measured(value, metric),
        interval=f"{measured(low, metric)} … {measured(high, metric)}",
        x=_place(value),
        low=_place(low),
        high=_place(high),
        seconds=seconds,
        is_ours=is_ours,
    )


def _place(share: float) -> float:
    return round(min(1.0, max(0.0, share)) * 100, 2)


def _bars(calibration: Calibration) -> list[Bar]:
    largest = max((item.size for item in calibration.bins), default=1)
    return [_bar(item, item.size / largest) for item in calibration.bins]


def _bar(item: CalibrationBin, share: float) -> Bar:
    return Bar(
        x=_place(item.low),
        width=_place(item.high - item.low),
        y=round(100 - _place(item.accuracy), 2),
        height=_place(item.accuracy),
        dot_x=_place(item.confidence),
        # A bin of few samples says little, and is drawn so.
        weight=round(0.2 + 0.8 * share, 2),
        title=_("%(confidence)s sure, %(accuracy)s right, %(n)d samples")
        % {
            "confidence": percent(item.confidence, 0),
            "accuracy": percent(item.accuracy, 0),
            "n": item.size,
        },
    )


def _calibration_said(calibration: Calibration) -> str:
    error = {"error": percent(calibration.ece)}
    if calibration.ece <= _GOOD_ECE:
        return _("Its confidence can be believed: it is off by %(error)s on average.") % error
    sure = sum(item.confidence * item.size for item in calibration.bins)
    right = sum(item.accuracy * item.size for item in calibration.bins)
    if sure > right:
        return _("It is surer than it should be: confidence is off by %(error)s.") % error
    return _("It is less sure than it could be: confidence is off by %(error)s.") % error


def _slices(report: EvaluationReport, headline: float) -> list[SliceTable]:
    titles = {
        "side": _("By size of the picture"),
        "length": _("By length of the text"),
        "seconds": _("By length of the recording"),
    }
    tables = []
    # Classes have a table of their own on the page.
    parts = [row for row in report.slices if row.by != "class"]
    for name, rows in groupby(parts, key=lambda row: row.by):
        found = [_slice_row(row, report.metric, headline) for row in rows]
        title = titles.get(name) or _("By %(column)s") % {"column": name}
        tables.append(SliceTable(title, found[:MAX_SLICES], max(0, len(found) - MAX_SLICES)))
    return tables


def _slice_row(row: Slice, metric: str, headline: float) -> SliceRow:
    return SliceRow(
        value=row.value,
        size=row.size,
        text=measured(row.metric, metric),
        x=_place(row.metric),
        low=_place(row.low),
        high=_place(row.high),
        is_weak=row.high < headline,
    )


def _points(share: float) -> str:
    return _("%(n)s points") % {"n": f"{share * 100:.1f}"}


def _form(form: ExportedForm, report: ExportReport, files: str) -> FormRow:
    titles = {
        "safetensors": "safetensors",
        "onnx": "ONNX",
        "onnx-int8": _("ONNX, 8 bits"),
        "onnx-pruned": _("ONNX, channels taken out"),
        "sparse": _("Weights set to zero"),
    }
    tone, icon, verdict = _verdict(form)
    share = form.size / form.reference_size if form.reference_size else 1.0
    return FormRow(
        title=titles[form.format],
        form=form,
        share=percent(share, 0),
        value=measured(form.value, report.metric),
        drop=_change(form.drop),
        tone=tone,
        icon=icon,
        verdict=verdict,
        why=_why(form),
        address=f"{files}/{quote(form.path)}" if form.path else "",
    )


def _change(drop: float | None) -> str:
    if drop is None:
        return "–"
    points = round(-drop * 100, 1)
    return f"{points:+.1f}" if points else "0.0"


def _verdict(form: ExportedForm) -> tuple[str, str, str]:
    return {
        "kept": ("done", "check", _("Kept")),
        "rejected": ("fail", "cross", _("Not kept")),
        "failed": ("fail", "cross", _("Failed")),
        "no-gain": ("warn", "info", _("No gain")),
    }[form.verdict]


def _why(form: ExportedForm) -> str:
    reasons = {
        "metric_drop": _("It lost more than the recipe allows."),
        "difference": _("Its scores differ from those of the trained network."),
        "not_exportable": _("The network uses something ONNX has no word for."),
        "nothing_to_prune": _("Every channel is needed by two layers at once."),
    }
    if form.format == "sparse":
        return _("%(share)s of the weights are zero, and the file is as large as before.") % {
            "share": percent(form.sparsity or 0.0, 0)
        }
    return reasons.get(form.reason, "")


def _explained(sample: ExplainedSample, files: str) -> ExplainedView:
    tone, icon, chosen = {
        "confident-right": ("done", "check", _("Sure and right")),
        "confident-wrong": ("fail", "cross", _("Sure and wrong")),
        "uncertain": ("warn", "info", _("Unsure")),
    }[sample.chosen]
    titles = {"grad-cam": "Grad-CAM", "integrated-gradients": _("Integrated gradients")}
    pictures = [Picture(f"{files}/{quote(sample.picture)}", _("Sample"), sample.key)]
    pictures += [
        Picture(
            f"{files}/{quote(item.path)}",
            titles[item.method],
            _("What counted in %(name)s") % {"name": sample.key},
        )
        for item in sample.attributions
        if item.path
    ]
    return ExplainedView(
        name=sample.key.rpartition("/")[2],
        chosen=chosen,
        tone=tone,
        icon=icon,
        true=sample.true,
        predicted=sample.predicted,
        probability=percent(sample.probability, 0),
        pictures=pictures if sample.picture else (),
        tokens=[_token(piece) for item in sample.attributions for piece in item.tokens],
    )


def _token(piece: TokenWeight) -> Token:
    strength = round(min(1.0, abs(piece.weight)) * _STRENGTHS)
    return Token(piece.text, strength, "for" if piece.weight > 0 else "against")


def _explanations_said(report: ExplanationReport | None) -> str:
    if report is None:
        return ""
    if report.skipped == "no_feature_map":
        return _("This network has no map of the picture near its end, so there is no Grad-CAM.")
    if report.likeness_to_random is None:
        return ""
    if report.likeness_to_random > _ALIKE:
        return _(
            "Take these maps with care: the same network with random weights gives similar ones."
        )
    return _(
        "The same network with random weights gives other maps, so these show what it learned."
    )
