"""A sweep without a site: its trials run one after another, each in a folder of its own.

Grid and random choose here as they do on a site, and so do the rules that give a trial up. What
learns from results (tpe) needs the site. A trial that already has its result is not run again.
"""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from worker.alone import Search as Folders
from worker.alone import keep_features, planned
from worker.attempt import StopSignal
from worker.contract.attempt import CHECKPOINTS_FOLDER, RESULT_FOLDER
from worker.contract.base import Wire
from worker.contract.manifest import Result, SplitMetrics
from worker.contract.pruning import Curve, Pruned, hyperband_rule, median_rule, wilcoxon_rule
from worker.contract.recipe import Recipe
from worker.contract.recipe_text import RecipeError, RecipeProblem
from worker.contract.run_events import EpochFinished, RunEvent
from worker.contract.search import Params, Run
from worker.contract.sweep_text import SweepRecipe, goal, named, trial_recipe
from worker.engine import run_plan
from worker.sweep_heads import HeadSweep
from worker.training.checkpoint import newest_checkpoint
from worker.training.heads import TrainedHead
from worker.training.loop import StoppedError

SWEEP_FILE = "sweep.json"
Tell = Callable[[str], None]


class TrialReport(Wire):
    """One training of a sweep. `curve` holds the compared measure by epoch."""

    name: str
    point: int
    params: Params
    run: Run
    state: Literal["succeeded", "pruned"]
    value: float | None = None
    test_value: float | None = None
    curve: dict[int, float] = Field(default_factory=dict)
    reason: str = ""


class PointReport(Wire):
    """A combination of values; `sd` is the sample deviation over folds and seeds."""

    point: int
    params: Params
    mean: float | None
    sd: float | None
    num_values: int


class SweepReport(Wire):
    """What a sweep came to: `sweep.json`."""

    schema_version: Literal[1] = 1
    metric: str
    maximize: bool
    best: PointReport | None
    points: tuple[PointReport, ...]
    trials: tuple[TrialReport, ...]


@dataclass
class _Watch:
    """Listens to one training and ends it when the rule says so."""

    show: Callable[[RunEvent], None]
    rule: Callable[[Curve], Pruned | None]
    metric: str
    stop: StopSignal
    curve: dict[int, float] = field(default_factory=dict)
    pruned: Pruned | None = None

    def __call__(self, event: RunEvent) -> None:
        self.show(event)
        if isinstance(event, EpochFinished):
            value = _epoch_value(event, self.metric)
            if value is not None:
                self.curve[event.epoch] = value
                self.pruned = self.pruned or self.rule(self.curve)

    def should_stop(self) -> bool:
        """Whether the trial was given up, or somebody asks everything to end."""
        return self.pruned is not None or self.stop.should_stop()


@dataclass
class AloneSweep:
    """A sweep in a folder."""

    wanted: SweepRecipe
    folders: Folders
    weights: Path | None
    out: Path
    show: Callable[[RunEvent], None]
    tell: Tell
    stop: StopSignal
    trials: list[TrialReport] = field(default_factory=list)
    _together: dict[str, TrainedHead] = field(default_factory=dict)

    def run(self) -> SweepReport:
        """Run every trial and write the report.

        Raises:
            RecipeError: the sampler needs a site.
            RunError: a trial failed; those before it are kept.
            StoppedError: somebody asked to stop; starting again goes on.
        """
        require_alone(self.wanted)
        blocks, recipe = self.wanted.blocks, self.wanted.recipe
        self._metric, self._maximize = goal(recipe, blocks)
        self._train_together()
        for number in range(1, blocks.num_points + 1):
            self._measure(number, self._params(number))
            self._write()
        best = self._report().best
        if blocks.cross_validation is not None and blocks.cross_validation.refit and best:
            self._trial(best.point, best.params, Run(seed=recipe.reproducibility.seed))
        elif best is not None:
            self._write_model(best)
        return self._write()

    def _params(self, number: int) -> Params:
        search = self.wanted.blocks.search
        return search.point(number - 1) if search else {}

    def _recipe(self, number: int, params: Params, run: Run) -> Recipe:
        recipe = trial_recipe(self.wanted.recipe, self.wanted.blocks, params, run)
        return named(recipe, _name(number, run))

    def _train_together(self) -> None:
        """Train what differs only in how a linear head is trained; no rule need give any up."""
        blocks, seed = self.wanted.blocks, self.wanted.recipe.reproducibility.seed
        recipes = [
            self._recipe(number, self._params(number), run)
            for number in range(1, blocks.num_points + 1)
            for run in blocks.runs(seed)
        ]
        heads = HeadSweep(self.folders, self.weights, self.out, self.show, self.stop)
        for recipe, head in heads.train(recipes):
            self._together[recipe.name] = head
        if self._together:
            self.tell(f"{len(self._together)} heads were trained together, on the same features.")

    def _write_model(self, best: PointReport) -> None:
        """Run the best trial on its own if it was trained beside others: that leaves its model."""
        run = self.wanted.blocks.runs(self.wanted.recipe.reproducibility.seed)[0]
        recipe = self._recipe(best.point, best.params, run)
        if recipe.name in self._together:
            self.tell(f"{recipe.name}: the best, on its own for its model")
            self._splits(recipe, _Watch(self.show, lambda _: None, self._metric, self.stop))

    def _measure(self, number: int, params: Params) -> None:
        search = self.wanted.blocks.search
        for run in self.wanted.blocks.runs(self.wanted.recipe.reproducibility.seed):
            report = self._trial(number, params, run)
            if report.state == "pruned":
                return
            if search is not None and search.pruner == "wilcoxon":
                found = self._by_folds(number)
                if found is not None:
                    self.tell(f"{report.name}: given up, {found.by} at {found.at}")
                    return

    def _trial(self, number: int, params: Params, run: Run) -> TrialReport:
        recipe = self._recipe(number, params, run)
        self.tell(f"{recipe.name}  {_shown(params)}")
        watch = _Watch(self.show, self._rule(number, run), self._metric, self.stop)
        head = self._together.get(recipe.name)
        splits = self._splits(recipe, watch) if head is None else _splits_of(head)
        if head is not None:
            watch.curve = _curve_of(head, self._metric)
        validation = splits.get("validation")
        report = TrialReport(
            name=recipe.name,
            point=number,
            params=params,
            run=run,
            state="pruned" if watch.pruned else "succeeded",
            value=_split_value(validation, self._metric),
            test_value=_split_value(splits.get("test"), self._metric),
            curve=watch.curve,
            reason=f"{watch.pruned.by} at epoch {watch.pruned.at}" if watch.pruned else "",
        )
        self.trials.append(report)
        return report

    def _splits(self, recipe: Recipe, watch: _Watch) -> dict[str, SplitMetrics]:
        folder = self.out / recipe.name
        done = folder / "result.json"
        plan, places = planned(recipe, self.folders, self.weights, folder)
        if done.is_file():
            known = Result.model_validate_json(done.read_bytes())
            if known.plan_hash == plan.plan_hash:
                return known.splits
        start = newest_checkpoint(folder / CHECKPOINTS_FOLDER)
        try:
            result = run_plan(plan, places, watch, watch, start)
        except StoppedError:
            if watch.pruned is None:
                raise
            return {}
        keep_features(folder)
        for path in sorted((folder / RESULT_FOLDER).iterdir()):
            path.replace(folder / path.name)
        (folder / RESULT_FOLDER).rmdir()
        return result.splits

    def _rule(self, number: int, run: Run) -> Callable[[Curve], Pruned | None]:
        search = self.wanted.blocks.search
        others = {
            trial.point: self._signed(trial.curve) for trial in self.trials if trial.run == run
        }
        epochs = sum(stage.epochs or 0 for stage in self.wanted.recipe.stages)

        def judge(curve: Curve) -> Pruned | None:
            if epochs and max(curve) >= epochs:
                return None
            mine = self._signed(curve)
            if search is not None and search.pruner == "hyperband":
                return hyperband_rule(number, mine, others, epochs or max(curve))
            if search is not None and search.pruner == "median":
                return median_rule(mine, list(others.values()))
            return None

        return judge

    def _by_folds(self, number: int) -> Pruned | None:
        best = self._report().best
        if best is None or best.point == number:
            return None
        runs = self.wanted.blocks.runs(self.wanted.recipe.reproducibility.seed)
        mine, theirs = (
            [next(self._values(point, run), None) for run in runs] for point in (number, best.point)
        )
        return wilcoxon_rule(mine, theirs)

    def _values(self, point: int, run: Run) -> Iterator[float]:
        sign = 1 if self._maximize else -1
        for trial in self.trials:
            if (trial.point, trial.run) == (point, run) and trial.value is not None:
                yield sign * trial.value

    def _signed(self, curve: Curve) -> Curve:
        return curve if self._maximize else {at: -value for at, value in curve.items()}

    def _report(self) -> SweepReport:
        points = [self._point(number) for number in sorted({t.point for t in self.trials})]
        needed = self.wanted.blocks.num_runs
        whole = [p for p in points if p.mean is not None and p.num_values == needed]
        sign = 1 if self._maximize else -1
        best = max(whole, key=lambda p: sign * (p.mean or 0.0), default=None)
        return SweepReport(
            metric=self._metric,
            maximize=self._maximize,
            best=best,
            points=tuple(points),
            trials=tuple(self.trials),
        )

    def _point(self, number: int) -> PointReport:
        folds = self.wanted.blocks.cross_validation is not None
        trials = [t for t in self.trials if t.point == number and (t.run.fold or not folds)]
        values = [trial.value for trial in trials if trial.value is not None]
        return PointReport(
            point=number,
            params=trials[0].params,
            mean=statistics.fmean(values) if values else None,
            sd=statistics.stdev(values) if len(values) > 1 else None,
            num_values=len(values),
        )

    def _write(self) -> SweepReport:
        report = self._report()
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / SWEEP_FILE).write_text(report.model_dump_json(indent=2), encoding="utf-8")
        return report


def _splits_of(head: TrainedHead) -> dict[str, SplitMetrics]:
    test = {"test": head.test} if head.test is not None else {}
    return {"validation": head.validation[-1], **test}


def _curve_of(head: TrainedHead, metric: str) -> dict[int, float]:
    values = {at: _split_value(one, metric) for at, one in enumerate(head.validation, start=1)}
    return {at: value for at, value in values.items() if value is not None}


def require_alone(wanted: SweepRecipe) -> None:
    """Pass only what can be chosen without learning from results.

    Raises:
        RecipeError: the sampler is tpe.
    """
    search = wanted.blocks.search
    if search is not None and search.sampler == "tpe":
        raise RecipeError(
            [
                RecipeProblem(
                    "search.sampler",
                    "tpe learns from the results of other trials, which a site does.",
                    "Choose grid or random here, or submit the sweep to a site.",
                )
            ]
        )


def told(report: SweepReport) -> Iterator[str]:
    """Yield the report as lines: each combination, and the best."""
    for point in report.points:
        mark = "*" if report.best is not None and point.point == report.best.point else " "
        mean = "given up" if point.mean is None else f"{point.mean:.4f}"
        deviation = f" ± {point.sd:.4f}" if point.sd is not None else ""
        yield f"{mark} {point.point:3d}  {report.metric} {mean}{deviation}  {_shown(point.params)}"


def _name(number: int, run: Run) -> str:
    fold = f"-r{run.repeat + 1}f{run.fold}" if run.fold else ""
    return f"{number}{fold}-s{run.seed}"


def _shown(params: Params) -> str:
    return "  ".join(
        f"{path}={value:.4g}" if isinstance(value, float) else f"{path}={value}"
        for path, value in params.items()
    )


def _epoch_value(event: EpochFinished, metric: str) -> float | None:
    if metric == "loss":
        return event.validation_loss
    return event.validation_value if metric == event.metric else event.values.get(metric)


def _split_value(split: SplitMetrics | None, metric: str) -> float | None:
    if split is None:
        return None
    if metric == "loss":
        return split.loss
    return split.value if metric == split.metric else split.values.get(metric)
