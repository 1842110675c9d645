"""Networks that look at one picture: classes, or a number."""

import torch

from worker.contract.images import ImageUnreadableError
from worker.contract.predictions import Prediction, PredictionInput
from worker.data.images import UNKNOWN, Decoder, ImageSet
from worker.data.inputs import ImageSplit
from worker.modeling.network import build_base
from worker.modeling.weights import load_weights, read_weights
from worker.trying.opened import InputError, ModelFolder, Opened
from worker.trying.scoring import best
from worker.trying.sentences import NO_PICTURE


class ImageModel(Opened):
    """A network of torchvision or timm, its pictures prepared as its training's test was."""

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder
        self._module, _ = build_base(folder.base)
        load_weights(self._module, read_weights(folder.weights), folder.weights.name)
        self._module.eval()
        self._numbers = folder.base.preprocessing
        self._decode = Decoder(self._numbers, self._numbers.image_size)

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return the best classes of a picture, or its number."""
        try:
            pixels_CHW = self._decode(given.content or b"")
        except ImageUnreadableError as error:
            raise InputError(NO_PICTURE) from error
        images = ImageSet(pixels_CHW[None], torch.tensor([UNKNOWN]), ["picture"])
        split = ImageSplit(images, self._numbers, None, torch.device("cpu"))
        scores_C = self._module(split.take(torch.tensor([0]), train=False).inputs)[0]
        task = self._folder.task
        if task == "image-regression":
            spread = self._folder.number("target_std") or 1.0
            mean = self._folder.number("target_mean") or 0.0
            return Prediction(task=task, value=float(scores_C[0]) * spread + mean)
        return Prediction(task=task, scores=best(scores_C, self._folder.labels))


OPEN = ImageModel
