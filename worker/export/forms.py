"""The other forms of a result: each is written, measured on the split that counts, and judged."""

import copy
import time
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor, nn

from worker.contract.after import Export, Prune
from worker.contract.after_results import ExportedForm, ExportReport
from worker.contract.manifest import SplitMetrics
from worker.data.batches import Batch
from worker.evaluation.finished import Finished, ScoreNetwork, class_scores, named_inputs
from worker.export import onnx
from worker.export.prune import heal, prune_channels, prune_weights
from worker.export.quantize import quantize
from worker.modeling.weights import WEIGHTS_FILE
from worker.training.sampling import epoch_batches

ONNX_FILE = "model.onnx"
INT8_FILE = "model.int8.onnx"
PRUNED_FILE = "model.pruned.onnx"
_COMPARED = 64
_CALIBRATION_BATCH = 16


def export_forms(run: Finished, wanted: Export) -> ExportReport:
    """Write the forms a recipe asks for beside the weights, and return how each fared."""
    weights = run.folder / WEIGHTS_FILE
    forms = [
        ExportedForm(
            format="safetensors",
            path=WEIGHTS_FILE,
            verdict="kept",
            size=weights.stat().st_size,
            reference_size=weights.stat().st_size,
            value=run.headline.value,
            drop=0.0,
            parameters=run.network.total_count,
        )
    ]
    if "onnx" in wanted.formats:
        forms += list(_onnx_forms(run, wanted))
    if wanted.prune is not None and wanted.prune.kind == "unstructured":
        forms.append(_sparse(run, wanted.prune))
    for form in forms[1:]:
        run.say(f"export {form.format}: {form.verdict} {form.size} bytes, drop {form.drop}")
    return ExportReport(
        split=run.split_name,
        metric=run.headline.metric,
        value=run.headline.value,
        max_metric_drop=wanted.max_metric_drop,
        forms=tuple(forms),
    )


def _onnx_forms(run: Finished, wanted: Export) -> Iterator[ExportedForm]:
    plain = _write(run, run.module, "onnx", ONNX_FILE)
    if plain.verdict != "failed":
        plain = _compared(run, plain)
    yield plain
    if plain.verdict == "kept" and wanted.quantize != "none":
        yield _quantized(run, wanted, plain)
    prune = wanted.prune
    if prune is not None and prune.kind == "structured" and plain.verdict == "kept":
        yield _pruned(run, wanted, prune, plain)


def _write(run: Finished, module: nn.Module, kind: str, name: str) -> ExportedForm:
    """Write a network as ONNX and measure the file; a failure is told, not raised."""
    began = time.monotonic()
    example = named_inputs(next(run.batches(run.split_name, count=2)))
    path = run.folder / name
    try:
        onnx.export_onnx(ScoreNetwork(run.task, module, tuple(example)), example, path)
    except onnx.NotExportableError as error:
        path.unlink(missing_ok=True)
        return _form(kind, verdict="failed", reason="not_exportable", detail=str(error))
    measured = _measured(run, path)
    return _form(
        kind,
        path=name,
        verdict="kept",
        size=path.stat().st_size,
        reference_size=(run.folder / WEIGHTS_FILE).stat().st_size,
        value=measured.value,
        drop=run.drop(measured),
        milliseconds=_milliseconds(run, path),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        seconds=time.monotonic() - began,
    )


def _form(kind: str, **values: object) -> ExportedForm:
    return ExportedForm.model_validate({"format": kind, **values})


def _measured(run: Finished, path: Path) -> SplitMetrics:
    session = onnx.open_session(path)

    def scored() -> Iterator[tuple[Tensor, Batch]]:
        for batch in run.batches(run.split_name):
            yield onnx.scores_of(session, named_inputs(batch)), batch

    return run.metrics_of(scored())


def _milliseconds(run: Finished, path: Path) -> float:
    return onnx.milliseconds_of(path, named_inputs(next(run.batches(run.split_name, count=1))))


def _compared(run: Finished, form: ExportedForm) -> ExportedForm:
    """Return the form with its distance from torch; one that is another network is thrown away."""
    path = run.folder / form.path
    batches = [named_inputs(batch) for batch in run.batches(run.split_name, _COMPARED)]
    network = ScoreNetwork(run.task, run.module, tuple(batches[0]))
    found = onnx.compare(network, onnx.open_session(path), batches)
    form = form.model_copy(
        update={"max_difference": found.max_difference, "agreement": found.agreement}
    )
    if found.is_same:
        return form
    path.unlink()
    return form.model_copy(update={"verdict": "rejected", "reason": "difference", "path": ""})


def _quantized(run: Finished, wanted: Export, plain: ExportedForm) -> ExportedForm:
    began = time.monotonic()
    method = wanted.quantize
    assert method != "none"  # noqa: S101 - the caller asks
    source, target = run.folder / plain.path, run.folder / INT8_FILE
    samples = run.batches("train", wanted.calibration_samples, _CALIBRATION_BATCH)
    quantize(source, target, method, (named_inputs(batch) for batch in samples))
    measured = _measured(run, target)
    network = [named_inputs(batch) for batch in run.batches(run.split_name, _COMPARED)]
    full = ScoreNetwork(run.task, run.module, tuple(network[0]))
    found = onnx.compare(full, onnx.open_session(target), network)
    form = _form(
        "onnx-int8",
        path=INT8_FILE,
        verdict="kept",
        size=target.stat().st_size,
        reference_size=plain.size,
        value=measured.value,
        drop=run.drop(measured),
        max_difference=found.max_difference,
        agreement=found.agreement,
        milliseconds=_milliseconds(run, target),
        seconds=time.monotonic() - began,
    )
    return _judged(run, form, wanted.max_metric_drop)


def _pruned(run: Finished, wanted: Export, how: Prune, plain: ExportedForm) -> ExportedForm:
    module = copy.deepcopy(run.module)
    if prune_channels(module, how.amount).chains == 0:
        return _form("onnx-pruned", verdict="no-gain", reason="nothing_to_prune", size=plain.size)
    heal(module, _epochs(run, how.epochs), lambda batch: _loss(run, module, batch), how.lr)
    form = _write(run, module, "onnx-pruned", PRUNED_FILE)
    form = form.model_copy(update={"reference_size": plain.size})
    return form if form.verdict == "failed" else _judged(run, form, wanted.max_metric_drop)


def _sparse(run: Finished, how: Prune) -> ExportedForm:
    """Return what zeros cost. Nothing is written: zeros take as much room as other numbers."""
    began = time.monotonic()
    module = copy.deepcopy(run.module)
    done = prune_weights(module, how.amount)
    heal(module, _epochs(run, how.epochs), lambda batch: _loss(run, module, batch), how.lr)
    measured = run.predictor.measure(module, run.split)
    size = (run.folder / WEIGHTS_FILE).stat().st_size
    return _form(
        "sparse",
        verdict="no-gain",
        size=size,
        reference_size=size,
        value=measured.value,
        drop=run.drop(measured),
        parameters=done.after,
        sparsity=done.sparsity,
        seconds=time.monotonic() - began,
    )


def _epochs(run: Finished, epochs: int) -> Iterator[Iterator[Batch]]:
    train, recipe = run.splits["train"], run.plan.recipe
    for epoch in range(1, epochs + 1):
        places = epoch_batches(
            len(train), recipe.train.batch_for(len(train)), recipe.reproducibility.seed, epoch
        )
        yield (train.take(indices, train=True) for indices in places)


def _loss(run: Finished, module: nn.Module, batch: Batch) -> Tensor:
    run.predictor.tick()
    return run.task.loss(class_scores(run.task.forward(module, batch.inputs)), batch)


def _judged(run: Finished, form: ExportedForm, limit: float) -> ExportedForm:
    """Return the form as kept, or take its file away where it lost too much or won nothing."""
    lost = form.drop if form.drop is not None else 0.0
    # The difference of two shares is not exact: 0.9 - 0.89 is a little more than 0.01.
    too_much = lost > limit + 1e-9
    if not too_much and form.size < form.reference_size:
        return form
    (run.folder / form.path).unlink()
    verdict = "rejected" if too_much else "no-gain"
    reason = "metric_drop" if too_much else ""
    return form.model_copy(update={"verdict": verdict, "reason": reason, "path": ""})
