"""Networks that look at every place of a picture: boxes of objects, or shares of classes."""

import torch
from torch import Tensor

from worker.contract.images import ImageUnreadableError, decode_image
from worker.contract.predictions import Box, Prediction, PredictionInput, Scored
from worker.data.dense import DenseSplit, Pictures
from worker.data.images import MODES
from worker.data.letterbox import letterbox
from worker.modeling.dense import Kind, build_trained
from worker.modeling.detector import boxes_of
from worker.trying.opened import InputError, ModelFolder, Opened
from worker.trying.sentences import NO_PICTURE

# As sure as a box must be on the page of a run, too.
_SURE = 0.3
_MOST_BOXES = 30


class _DenseModel(Opened):
    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        kind: Kind = "detector" if folder.task == "object-detection" else "segmenter"
        self.module = build_trained(folder.base, kind, folder.weights).eval()
        self.numbers = folder.base.preprocessing

    def looked(self, given: PredictionInput) -> tuple[Tensor, tuple[int, int]]:
        """Return the network's output for a picture, and the picture's width and height."""
        try:
            picture = decode_image(given.content or b"")
        except ImageUnreadableError as error:
            raise InputError(NO_PICTURE) from error
        side = self.numbers.image_size
        square_CHW = letterbox(picture, side, MODES[self.numbers.interpolation])
        pictures = Pictures(square_CHW[None], ["picture"], [picture.size])
        split = DenseSplit(pictures, self.numbers, None, torch.device("cpu"))
        return self.module(split.normal(square_CHW[None]))[0], picture.size


class Finder(_DenseModel):
    """Finds objects."""

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return the boxes of a picture, the surest first."""
        output, (width, height) = self.looked(given)
        boxes_K4, scores_K, classes_K = boxes_of(output)
        scale = max(width, height) / self.numbers.image_size
        limits = torch.tensor([width, height, width, height])
        corners_K4 = (boxes_K4 * scale).clamp_min(0).minimum(limits)
        found = zip(corners_K4.tolist(), scores_K.tolist(), classes_K.tolist(), strict=True)
        labels = self.folder.labels
        boxes = tuple(
            Box(label=labels[number], score=score, left=x1, top=y1, right=x2, bottom=y2)
            for (x1, y1, x2, y2), score, number in found
            if score > _SURE
        )
        return Prediction(
            task=self.folder.task, boxes=boxes[:_MOST_BOXES], width=width, height=height
        )


class Painter(_DenseModel):
    """Names the class of every pixel."""

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return how much of the picture belongs to each class, the largest first."""
        output, (width, height) = self.looked(given)
        scale = self.numbers.image_size / max(width, height)
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        classes_HW = output.argmax(dim=0)[:rows, :columns]
        labels = self.folder.labels
        counts_C = torch.bincount(classes_HW.reshape(-1), minlength=len(labels)).float()
        shares = (counts_C / counts_C.sum()).tolist()
        ranked = sorted(zip(labels, shares, strict=False), key=lambda one: -one[1])
        scores = tuple(Scored(label=label, score=share) for label, share in ranked if share > 0)
        return Prediction(task=self.folder.task, scores=scores, width=width, height=height)


def _open(folder: ModelFolder) -> Opened:
    return Finder(folder) if folder.task == "object-detection" else Painter(folder)


OPEN = _open
