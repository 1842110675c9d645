"""Ranking base models from beginning to end: samples, frozen features, measures, the result."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from worker.contract.attempt import CACHE_FOLDER, RESULT_FOLDER
from worker.contract.failures import Failure, FailureCode, RunError
from worker.contract.feature_shelf import FEATURES_FOLDER
from worker.contract.inventory import FileFact
from worker.contract.rank import (
    CandidateResult,
    RankCandidate,
    RankPlan,
    RankResult,
    choose_samples,
)
from worker.data.feature_files import FeatureFiles
from worker.data.samples import Samples, open_samples
from worker.places import BasePlace, RankPlaces
from worker.selection.features import extract, feature_key, load_split, own_head
from worker.selection.measures import Measured, measure, share_of
from worker.selection.ranking import rank
from worker.surroundings import device_name, explained, verified_weights, versions
from worker.task import Setting
from worker.tasks import task_of
from worker.training.loop import StoppedError
from worker.training.precision import Precision, choose_precision, make_reproducible
from worker.training.reporting import Control, EventSink, Reporter

RESULT_FILE = "result.json"
_FEWEST_PER_CLASS = 2


@dataclass(frozen=True)
class _Bench:
    """What all candidates share: the same samples, numbers and store of features."""

    samples: Samples
    labels_N: Tensor
    precision: Precision
    store: FeatureFiles
    control: Control

    def tick(self) -> None:
        """Raise when the ranking is to stop."""
        if self.control.should_stop():
            raise StoppedError


def run_ranking(
    plan: RankPlan, places: RankPlaces, sink: EventSink, control: Control
) -> RankResult:
    """Measure every candidate and return the ranking; it also lies in `out/result/result.json`.

    A candidate that cannot be measured says why in its place and stops nobody else.

    Raises:
        RunError: the data cannot be used, or no candidate could be measured.
        StoppedError: the control asked for it; finished features stay in the cache.
    """
    with explained():
        return _run(plan, places, Reporter(sink), control)


def _run(plan: RankPlan, places: RankPlaces, reporter: Reporter, control: Control) -> RankResult:
    began = time.monotonic()
    first = plan.candidates[0].plan
    precision = choose_precision(first.recipe)
    make_reproducible(first.recipe)
    reporter.tell(
        "RunStarted",
        plan_hash=plan.plan_hash,
        device=device_name(precision.device),
        versions=versions(),
        total_epochs=len(plan.candidates),
    )
    samples = _samples(plan, places)
    labels_N = _labels(plan, samples.facts)
    store = FeatureFiles(places.cache / FEATURES_FOLDER, places.shelf)
    bench = _Bench(samples, labels_N, precision, store, control)
    reporter.tell(
        "DataLoaded",
        classes=plan.classes,
        sizes={"sample": len(samples)},
        seconds=time.monotonic() - began,
    )
    found: list[tuple[CandidateResult, Measured | None]] = []
    for index, (candidate, place) in enumerate(zip(plan.candidates, places.bases, strict=True)):
        found.append(_measured(index, candidate, place, bench, places.out))
        done, total = len(found), len(plan.candidates)
        reporter.tell("CandidateMeasured", done=done, total=total, candidate=found[-1][0])
    result = RankResult(
        plan_hash=plan.plan_hash,
        task=plan.request.task,
        classes=plan.classes,
        num_samples=len(samples),
        candidates=(),
        seconds=time.monotonic() - began,
        device=device_name(precision.device),
        versions=versions(),
    )
    result = _ordered(result, found, plan.request.seed)
    _write(places.out / RESULT_FOLDER, result)
    reporter.tell("RankingFinished", seconds=result.seconds, agreement=result.agreement)
    return result


def _samples(plan: RankPlan, places: RankPlaces) -> Samples:
    """Return the samples to measure on: of training and validation, never of the test."""
    opened = open_samples(plan.candidates[0].plan, places.data, None)
    parts = [opened[name] for name in ("train", "validation") if name in opened]
    facts = sorted((fact for part in parts for fact in part.facts), key=lambda fact: fact.key)
    rows = {f.key: row for part in parts for f, row in zip(part.facts, part.rows, strict=True)}
    chosen = choose_samples(facts, plan.request.sample_limit, plan.request.seed)
    return Samples(chosen, [rows[fact.key] for fact in chosen], parts[0].source)


def _labels(plan: RankPlan, facts: Sequence[FileFact]) -> Tensor:
    number = {label: index for index, label in enumerate(plan.classes)}
    labels_N = torch.tensor([number[fact.label] for fact in facts], dtype=torch.int64)
    if int(labels_N.bincount(minlength=len(number)).min()) < _FEWEST_PER_CLASS:
        raise RunError(FailureCode.DATA_INVALID, "Every class needs at least two samples.")
    return labels_N


def _measured(
    index: int, candidate: RankCandidate, place: BasePlace, bench: _Bench, out: Path
) -> tuple[CandidateResult, Measured | None]:
    pinned = candidate.plan.base
    result = CandidateResult(
        index=index,
        repo=pinned.repo,
        commit=pinned.commit,
        weights=pinned.weights,
        architecture=f"{pinned.library}/{pinned.architecture}",
        license=candidate.license,
        weights_bytes=candidate.weights_bytes,
        image_size=candidate.plan.image_size,
    )
    try:
        return _scored(result, candidate, place, bench, out)
    except RunError as error:
        return result.model_copy(update={"failure": error.failure()}), None


def _scored(
    result: CandidateResult, candidate: RankCandidate, place: BasePlace, bench: _Bench, out: Path
) -> tuple[CandidateResult, Measured]:
    plan = candidate.plan
    began = time.monotonic()
    weights = verified_weights(plan.base, place.weights)
    setting = Setting(plan, bench.precision.device, out / CACHE_FOLDER, place.folder, weights)
    task = task_of(plan.recipe.task, setting)
    network = task.build()
    key = feature_key(plan, list(bench.samples.facts), bench.precision)
    features_ND = bench.store.load(key)
    cached = features_ND is not None
    running = 0.0
    if features_ND is None:
        split = load_split(task, bench.samples)
        network.module.to(bench.precision.device)
        started = time.monotonic()
        features_ND = extract(task, network, split, bench.precision, bench.tick)
        running = time.monotonic() - started
        bench.store.keep(key, features_ND)
    seen = time.monotonic()
    head = own_head(plan, weights)
    source_NZ = None if head is None else _own_classes(head, features_ND)
    measured = measure(features_ND, bench.labels_N, source_NZ, plan.recipe.reproducibility.seed)
    changes = {
        "total_count": network.total_count,
        "width": features_ND.shape[1],
        "probe": share_of(measured.probe_correct_N),
        "knn": share_of(measured.knn_correct_N),
        "scores": measured.scores,
        "feature_seconds": seen - began,
        "score_seconds": time.monotonic() - seen,
        "seconds_per_sample": running / len(bench.samples),
        "cached": cached,
    }
    return result.model_copy(update=changes), measured


@torch.no_grad()
def _own_classes(head: torch.nn.Linear, features_ND: Tensor) -> Tensor:
    scores_NZ: Tensor = head.eval()(features_ND)
    return scores_NZ.double().softmax(dim=1)


def _ordered(
    result: RankResult, found: Sequence[tuple[CandidateResult, Measured | None]], seed: int
) -> RankResult:
    pairs = [(item, measured) for item, measured in found if measured is not None]
    failed = [item for item, measured in found if measured is None]
    if not pairs:
        failure = failed[0].failure or Failure.of(FailureCode.INTERNAL)
        raise RunError(failure.code, f"{failed[0].repo}: {failure.detail}")
    ranking = rank([measured for _, measured in pairs], seed)
    placed = [
        item.model_copy(
            update={"rank_low": place.low, "rank_high": place.high, "leads": place.leads}
        )
        for (item, _), place in zip(pairs, ranking.places, strict=True)
    ]
    ordered = [placed[index] for index in ranking.order]
    return result.model_copy(
        update={"candidates": (*ordered, *failed), "agreement": ranking.agreement}
    )


def _write(folder: Path, result: RankResult) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT_FILE).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
