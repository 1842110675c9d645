"""Explanations of a few samples of the split that counts, written as pictures or token weights."""

import copy
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from worker.contract.after import Explain
from worker.contract.after_results import Attribution, ExplainedSample, ExplanationReport
from worker.data.batches import Batch
from worker.evaluation.finished import Finished
from worker.explain.choice import Chosen, choose
from worker.explain.gradcam import grad_cam, last_feature_map, likeness, randomise
from worker.explain.integrated import integrated_gradients
from worker.explain.pictures import overlay, save_picture, strength_map
from worker.explain.texts import explain_text, is_text

FOLDER = "explanations"


def explain(run: Finished, wanted: Explain) -> ExplanationReport:
    """Write pictures into `explanations/` and return what belongs to which sample."""
    began = time.monotonic()
    name = run.split_name
    chosen = choose(run.scores(name), run.labels(name), wanted.samples)
    modes = {part: part.training for part in run.module.modules()}
    run.module.eval()
    try:
        found = _explained(run, wanted, chosen)
    finally:
        for part, mode in modes.items():
            part.training = mode
    return found.model_copy(update={"seconds": time.monotonic() - began})


def _explained(run: Finished, wanted: Explain, chosen: Sequence[Chosen]) -> ExplanationReport:
    if not wanted.methods:
        wanted = wanted.model_copy(update={"methods": ("grad-cam",)})
    places = torch.tensor([item.place for item in chosen])
    batch = run.split.take(places, train=False)
    if is_text(batch):
        samples = tuple(_text_sample(run, item) for item in chosen)
        return ExplanationReport(split=run.split_name, samples=samples)
    pixels = _pixels(run, places)
    layer = last_feature_map(run.module, batch.inputs) if "grad-cam" in wanted.methods else None
    maps_NHW, same = _cams(run, layer, batch.inputs)
    samples = tuple(
        _image_sample(run, wanted, item, batch.inputs[row : row + 1], (pixels[row], maps_NHW[row]))
        for row, item in enumerate(chosen)
    )
    return ExplanationReport(
        split=run.split_name,
        layer=layer or "",
        skipped="no_feature_map" if "grad-cam" in wanted.methods and layer is None else "",
        samples=samples,
        likeness_to_random=same,
    )


def _pixels(run: Finished, places: Tensor) -> Tensor:
    """Return the pictures as the network saw them, values from 0 to 1."""
    inputs: Tensor = run.split.take(places, train=False).inputs
    numbers = run.plan.images
    shape = (1, 3, 1, 1)
    mean = torch.tensor(getattr(run.split, "preprocessing", numbers).mean).view(shape)
    std = torch.tensor(getattr(run.split, "preprocessing", numbers).std).view(shape)
    return inputs.float().cpu() * std + mean


def _cams(
    run: Finished, layer: str | None, inputs: Tensor
) -> tuple[Sequence[Tensor | None], float | None]:
    """Return a map for each picture, and how alike maps of random weights are."""
    if layer is None:
        return [None] * len(inputs), None
    classes_N = run.module(inputs).detach().argmax(1)
    maps_NHW = torch.cat(
        [
            grad_cam(run.module, layer, *part)
            for part in zip(inputs.split(8), classes_N.split(8), strict=True)
        ]
    )
    other = copy.deepcopy(run.module).eval()
    randomise(other, run.plan.recipe.reproducibility.seed)
    random_NHW = grad_cam(other, layer, inputs[:8], classes_N[:8])
    return list(maps_NHW.cpu()), likeness(maps_NHW[:8], random_NHW)


def _image_sample(
    run: Finished,
    wanted: Explain,
    item: Chosen,
    inputs: Tensor,
    seen: tuple[Tensor, Tensor | None],
) -> ExplainedSample:
    pixels_CHW, map_HW = seen
    number = f"{item.place:06d}"
    save_picture(run.folder / FOLDER / f"{number}.png", pixels_CHW)
    sample = _sample(run, item)
    found: list[Attribution] = []
    if map_HW is not None:
        path = f"{FOLDER}/{number}-grad-cam.png"
        save_picture(run.folder / path, overlay(pixels_CHW, map_HW))
        found.append(Attribution(method="grad-cam", path=path))
    if "integrated-gradients" in wanted.methods:
        run.predictor.tick()
        found.append(_gradients(run, item, inputs, pixels_CHW))
    return sample.model_copy(
        update={"picture": f"{FOLDER}/{number}.png", "attributions": tuple(found)}
    )


def _gradients(run: Finished, item: Chosen, inputs: Tensor, pixels_CHW: Tensor) -> Attribution:
    target = int(run.scores(run.split_name)[item.place].argmax())
    network: nn.Module = run.module
    weights_1CHW, missed = integrated_gradients(network, inputs, target)
    path = f"{FOLDER}/{item.place:06d}-integrated-gradients.png"
    save_picture(run.folder / path, overlay(pixels_CHW, strength_map(weights_1CHW[0].cpu())))
    return Attribution(method="integrated-gradients", path=path, completeness=missed)


def _sample(run: Finished, item: Chosen) -> ExplainedSample:
    classes = run.plan.classes
    sure_C = run.scores(run.split_name)[item.place].double().softmax(0)
    predicted = int(sure_C.argmax())
    return ExplainedSample(
        key=run.split.names[item.place],
        true=classes[int(run.labels(run.split_name)[item.place])],
        predicted=classes[predicted],
        probability=float(sure_C[predicted]),
        chosen=item.why,
    )


def _text_sample(run: Finished, item: Chosen) -> ExplainedSample:
    run.predictor.tick()
    batch: Batch = run.split.take(torch.tensor([item.place]), train=False)
    target = int(run.scores(run.split_name)[item.place].argmax())
    words = explain_text(run, batch, target)
    return _sample(run, item).model_copy(update={"attributions": (words,)})
