"""What the run page shows of a result: the headline, the classes, who was taken for whom."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from app.core.i18n import _
from app.jobs.pages.measures import measure_title, measured
from app.jobs.pages.samples_view import SamplesView, counted, samples_view
from app.jobs.service.records import result_of
from app.jobs.tables import Job
from worker.contract.manifest import ClassMetrics, Result, SplitMetrics, WrongSample
from worker.contract.plan import Plan
from worker.contract.tasks import TASKS

# More classes than this do not fit a matrix that people read; the worst pairs are listed instead.
MAX_MATRIX_CLASSES = 40
MAX_PAIRS = 10
_HEAT_STEPS = 9
_FEW, _SHORT = 8, 3


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix. `heat`, 0 to 9, is its share of the row."""

    count: int
    heat: int
    is_diagonal: bool
    anchor: str


@dataclass(frozen=True)
class WrongGroup:
    """Images of one class that were taken for another. `total` may be more than are shown."""

    anchor: str
    true: str
    predicted: str
    total: int
    samples: Sequence[tuple[WrongSample, str]]


@dataclass(frozen=True)
class ResultView:
    """A result, ready to be written down.

    `baseline` is what always guessing the largest class would give; None for tasks without classes.
    `facts` are the other measures, as name and value.
    """

    result: Result
    split_name: str
    metrics: SplitMetrics
    title: str
    headline: str
    interval: tuple[str, str] | None
    baseline: float | None
    facts: Sequence[tuple[str, str]]
    per_class: Sequence[ClassMetrics]
    matrix: Sequence[tuple[str, Sequence[Cell]]]
    wrong: Sequence[WrongGroup]
    samples: SamplesView
    counted: str
    modality: str

    @property
    def has_long_names(self) -> bool:
        """Whether the names of the classes must stand upright to fit above the matrix."""
        names = self.result.classes
        return len(names) > _FEW and max(map(len, names)) > _SHORT

    @property
    def worst_pairs(self) -> Sequence[WrongGroup]:
        """The confusions that happened most."""
        return sorted(self.wrong, key=lambda group: -group.total)[:MAX_PAIRS]


def result_view(job: Job, plan: Plan) -> ResultView | None:
    """Return the result of a job that succeeded."""
    result = result_of(job)
    if result is None:
        return None
    metrics = result.splits[result.split]
    images = _images_of(plan, result.split)
    names = {"test": _("test split"), "validation": _("validation split")}
    return ResultView(
        result=result,
        split_name=names[result.split],
        metrics=metrics,
        title=measure_title(metrics.metric),
        headline=measured(metrics.value, metrics.metric),
        interval=_interval(metrics),
        baseline=_baseline(result),
        facts=[
            (measure_title(name), measured(value, name))
            for name, value in metrics.values.items()
            if name != metrics.metric
        ],
        per_class=metrics.per_class,
        matrix=_matrix(result.classes, metrics),
        wrong=_wrong_groups(result.classes, metrics, images),
        samples=samples_view(result, images),
        counted=counted(result.task),
        modality=next((spec.modality for name, spec in TASKS.items() if name == result.task), ""),
    )


def _interval(metrics: SplitMetrics) -> tuple[str, str] | None:
    if metrics.low is None or metrics.high is None:
        return None
    return measured(metrics.low, metrics.metric), measured(metrics.high, metrics.metric)


def _baseline(result: Result) -> float | None:
    """Return what the largest class would give: that of training, where the run measured it."""
    metrics = result.headline
    for row in result.evaluation.baselines if result.evaluation else ():
        if row.name == "majority":
            return row.value
    supports = [row.support for row in metrics.per_class]
    if metrics.metric != "accuracy" or not supports:
        return None
    return max(supports) / max(1, sum(supports))


def _matrix(classes: Sequence[str], metrics: SplitMetrics) -> list[tuple[str, list[Cell]]]:
    if len(classes) > MAX_MATRIX_CLASSES or not metrics.confusion:
        return []
    rows = []
    for true, counts in enumerate(metrics.confusion):
        total = max(1, sum(counts))
        rows.append(
            (
                classes[true],
                [
                    Cell(
                        count=count,
                        heat=_heat(count / total),
                        is_diagonal=true == predicted,
                        anchor=_anchor(true, predicted) if count and true != predicted else "",
                    )
                    for predicted, count in enumerate(counts)
                ],
            )
        )
    return rows


def _heat(share: float) -> int:
    # Rounded up, so that a single mistake among thousands is still a coloured cell.
    return min(_HEAT_STEPS, -int(-share * _HEAT_STEPS // 1)) if share > 0 else 0


def _anchor(true: int, predicted: int) -> str:
    return f"wrong-{true}-{predicted}"


def _wrong_groups(classes: Sequence[str], metrics: SplitMetrics, images: str) -> list[WrongGroup]:
    numbers = {name: number for number, name in enumerate(classes)}
    samples: dict[tuple[int, int], list[WrongSample]] = defaultdict(list)
    for sample in metrics.wrong:
        samples[numbers[sample.true], numbers[sample.predicted]].append(sample)
    return [
        WrongGroup(
            anchor=_anchor(true, predicted),
            true=classes[true],
            predicted=classes[predicted],
            total=count,
            samples=[(s, f"{images}/{quote(s.path)}") for s in samples[true, predicted]],
        )
        for true, counts in enumerate(metrics.confusion)
        for predicted, count in enumerate(counts)
        if count and true != predicted
    ]


def _images_of(plan: Plan, split: str) -> str:
    """Return the address under which the images of a split lie."""
    source = plan.test_data if split == "test" and plan.test_data else plan.data
    return f"/datasets/{quote(source.repo)}/resolve/{source.commit}"
