"""Everything that stands beside the headline number of a classifier."""

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from worker.contract.after_results import BaselineResult, EvaluationReport, ReasonCode
from worker.contract.items import SLICE_VALUE
from worker.data.samples import Samples
from worker.evaluation.baselines import MAX_PROBE_ROWS, Name, bag_of_words, majority, probe
from worker.evaluation.bootstrap import Bootstrap
from worker.evaluation.calibration import calibrate
from worker.evaluation.finished import Finished
from worker.evaluation.slices import accuracy_slices, size_buckets
from worker.modeling.network import Network

# What baselines may take of their own accord: this part of the training, or this long.
_CHEAP_PART, _CHEAP_SECONDS = 0.25, 5.0
_LEAST_ROWS = 100
# A grouping by size is worth a table when the second largest group holds this many.
_LEAST_GROUP = 5


def evaluate(run: Finished) -> EvaluationReport:
    """Return intervals, baselines, slices and calibration of a trained classifier."""
    wanted, name = run.plan.recipe.evaluate, run.split_name
    bootstrap = Bootstrap(wanted.resamples, wanted.confidence, run.plan.recipe.reproducibility.seed)
    scores_NC, labels_N = run.scores(name), run.labels(name)
    baselines, skipped = _baselines(run)
    fit_on = None
    if name == "test":
        fit_on = run.scores("validation"), run.labels("validation")
    return EvaluationReport(
        split=name,
        metric=run.headline.metric,
        confidence=wanted.confidence,
        resamples=wanted.resamples,
        intervals=bootstrap.of_confusion(run.headline.confusion),
        baselines=tuple(baselines),
        skipped=skipped,
        slices=tuple(accuracy_slices((scores_NC.argmax(1) == labels_N).tolist(), _groups(run))),
        calibration=(
            calibrate(scores_NC, labels_N, fit_on, "validation") if wanted.calibration else None
        ),
    )


def _groups(run: Finished) -> dict[str, list[str]]:
    """Return how the samples of the split are grouped: by class, by size, by asked columns."""
    samples, classes = run.samples[run.split_name], run.plan.classes
    groups = {"class": [classes[label] for label in run.labels(run.split_name).tolist()]}
    facts = samples.facts
    if run.plan.recipe.spec.modality == "image":
        sides = [_short_side(samples, fact.path) for fact in facts]
        groups |= _buckets("side", sides, "px")
    groups |= _buckets("length", [float(fact.length) for fact in facts], "")
    groups |= _buckets("seconds", [round(fact.seconds, 1) for fact in facts], "s")
    for column in run.plan.recipe.evaluate.slices:
        groups[column] = [str(row.values.get(f"{SLICE_VALUE}{column}", "")) for row in samples.rows]
    return groups


def _buckets(name: str, numbers: list[float], unit: str) -> dict[str, list[str]]:
    values = size_buckets(numbers, unit)
    sizes = Counter(values).most_common(2)
    return {name: values} if sizes[-1][1] >= _LEAST_GROUP and len(sizes) > 1 else {}


def _short_side(samples: Samples, path: str) -> float:
    """Return the shorter side of a picture in pixels, from its header alone."""
    with Image.open(io.BytesIO(samples.source.read(path))) as picture:
        return float(min(picture.size))


def _baselines(run: Finished) -> tuple[list[BaselineResult], ReasonCode]:
    wanted = run.plan.recipe.evaluate.baseline
    if wanted is False:
        return [], ""
    found = [majority(run.labels("train"), run.labels(run.split_name))]
    if run.plan.recipe.spec.modality == "text":
        found.append(_words(run))
    rows = _affordable_rows(run) if wanted == "auto" else MAX_PROBE_ROWS
    if rows < min(_LEAST_ROWS, len(run.splits["train"])):
        return found, "too_slow"
    probes: tuple[tuple[Name, Callable[[], Network]], ...] = (
        ("random-features", lambda: _base(run, "random")),
        ("pretrained-features", lambda: _base(run, "pretrained")),
    )
    for name, build in probes:
        if name == "pretrained-features" and run.plan.base.weights == "random":
            continue
        result = _probed(run, name, build, rows)
        if result is not None:
            found.append(result)
            learnt = f"from {result.num_rows} rows, in {result.seconds:.1f} s"
            run.say(f"baseline {name}: {result.value:.4f}, {learnt}")
    return found, ""


def _affordable_rows(run: Finished) -> int:
    """Return how many training samples may be looked at twice without anybody waiting for it."""
    began, some = time.monotonic(), 0
    with torch.no_grad():
        for batch in run.batches(run.split_name, count=8):
            run.task.forward(run.module, batch.inputs)
            some += batch.size
    each = max(1e-6, (time.monotonic() - began) / some)
    budget = max(_CHEAP_SECONDS, _CHEAP_PART * run.seconds)
    return min(MAX_PROBE_ROWS, int(budget / each / 2) - len(run.split))


def _base(run: Finished, weights: str) -> Network:
    """Return the network before training, with the base's weights or with random ones.

    The random ones are those of the recipe's seed, whatever was drawn before.
    """
    setting = run.task.setting
    plan = setting.plan
    if plan.base.weights != weights:
        base = plan.base.model_copy(update={"weights": weights})
        plan = plan.model_copy(update={"base": base})
    with torch.random.fork_rng():
        torch.manual_seed(plan.recipe.reproducibility.seed)
        network = type(run.task)(replace(setting, plan=plan)).build()
    network.module.to(setting.device)
    return network


def _probed(
    run: Finished, name: Name, build: Callable[[], Network], rows: int
) -> BaselineResult | None:
    """Return how a linear layer on a network's features does; None where it has none."""
    began = time.monotonic()
    known = run.base_features if name == "pretrained-features" else {}
    network = None if {"train", run.split_name} <= known.keys() else build()
    test_MD = known.get(run.split_name)
    if test_MD is None and network is not None:
        test_MD = _features(run, network, run.split_name, len(run.split))
    train_ND = known.get("train")
    if train_ND is None and network is not None and test_MD is not None:
        train_ND = _features(run, network, "train", rows)
    if train_ND is None or test_MD is None:
        return None
    train_ND, test_MD = train_ND.cpu(), test_MD.cpu()
    count, size = len(train_ND), len(run.splits["train"])
    labels_N = run.labels("train")[torch.arange(count) * size // count]
    result = probe(name, train_ND, labels_N, test_MD, run.labels(run.split_name))
    return result.model_copy(update={"seconds": time.monotonic() - began})


def _features(run: Finished, network: Network, split: str, rows: int) -> Tensor | None:
    """Return what the head is given for samples that lie evenly over a split."""
    caught: list[Tensor] = []
    handle = network.head_module.register_forward_pre_hook(
        lambda _part, values: caught.append(values[0].detach().float().flatten(1).cpu())
    )
    network.module.eval()
    try:
        parts = list(_parts(run, network, split, rows, caught))
    finally:
        handle.remove()
    return torch.cat(parts) if parts else None


def _parts(
    run: Finished, network: Network, split: str, rows: int, caught: list[Tensor]
) -> Iterator[Tensor]:
    for batch in run.batches(split, rows):
        caught.clear()
        with torch.no_grad(), run.predictor.autocast():
            run.task.forward(network.module, batch.inputs)
        # A head that is called twice, or on something else than vectors, is no head of features.
        if len(caught) != 1 or len(caught[0]) != batch.size:
            return
        yield caught[0]


def _words(run: Finished) -> BaselineResult:
    name = run.split_name
    return bag_of_words(
        _texts(run.samples["train"]),
        run.labels("train"),
        _texts(run.samples[name]),
        run.labels(name),
    )


def _texts(samples: Samples) -> list[str]:
    fields = ("text", "text_pair")
    return [" ".join(str(row.values.get(field) or "") for field in fields) for row in samples.rows]
