"""Small pictures that a run leaves for its page: changed samples, and curves of tried rates."""

import math
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from worker.contract.plan import Plan
from worker.data.inputs import ImageSplit
from worker.training.mixing import mixed
from worker.training.rate_finder import RateTrial

FOLDER = "pictures"
_COLUMNS, _ROWS = 4, 2
_MOST_SIDE = 128
_WIDTH, _HEIGHT, _EDGE = 640, 240, 24
_INK, _PALE, _MARK = (70, 80, 95), (205, 210, 217), (190, 60, 50)


def write_augmented(folder: Path, split: object, plan: Plan) -> Path | None:
    """Write a grid of 8 training pictures as the network sees them, or nothing without changes."""
    augment = plan.recipe.augment
    if not isinstance(split, ImageSplit) or not augment.is_random:
        return None
    with torch.random.fork_rng():
        torch.manual_seed(plan.recipe.reproducibility.seed)
        order = torch.randperm(len(split))[: _COLUMNS * _ROWS]
        batch = split.take(order, train=True)
        if augment.mixup_alpha or augment.cutmix_alpha:
            batch = mixed(batch, augment, len(plan.classes))
    numbers = split.preprocessing
    std = torch.tensor(numbers.std).view(3, 1, 1)
    mean = torch.tensor(numbers.mean).view(3, 1, 1)
    pixels = ((batch.inputs.cpu() * std + mean) * 255).clamp(0, 255).byte()
    path = folder / FOLDER / "augmented.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    _grid(pixels).save(path, optimize=True)
    return path


def _grid(images_BCHW: Tensor) -> Image.Image:
    side = min(_MOST_SIDE, images_BCHW.shape[-1])
    sheet = Image.new("RGB", (_COLUMNS * (side + 4) - 4, _ROWS * (side + 4) - 4), "white")
    for place, image_CHW in enumerate(images_BCHW):
        picture = Image.fromarray(image_CHW.permute(1, 2, 0).contiguous().numpy())
        spot = (place % _COLUMNS * (side + 4), place // _COLUMNS * (side + 4))
        sheet.paste(picture.resize((side, side)), spot)
    return sheet


def write_trial(folder: Path, trial: RateTrial) -> Path:
    """Write the curve of the rates that were tried before a stage, with the one taken marked."""
    sheet = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    low, high = math.log10(1e-7), 1.0
    top, bottom = max(trial.losses, default=1.0), min(trial.losses, default=0.0)

    def across(rate: float) -> float:
        return _EDGE + (math.log10(rate) - low) / (high - low) * (_WIDTH - 2 * _EDGE)

    def down(loss: float) -> float:
        return _EDGE + (top - loss) / max(top - bottom, 1e-9) * (_HEIGHT - 3 * _EDGE)

    for power in range(-7, 2):
        place = across(10.0**power)
        draw.line([(place, _EDGE), (place, _HEIGHT - 2 * _EDGE)], fill=_PALE)
        draw.text((place - 12, _HEIGHT - 2 * _EDGE + 4), f"1e{power}", fill=_INK)
    curve = [(across(r), down(x)) for r, x in zip(trial.rates, trial.losses, strict=True)]
    draw.line(curve, fill=_INK, width=2)
    taken = across(trial.rate)
    draw.line([(taken, _EDGE), (taken, _HEIGHT - 2 * _EDGE)], fill=_MARK, width=2)
    draw.text((_EDGE, _HEIGHT - _EDGE), f"lr {trial.rate:.2g}", fill=_MARK)
    path = folder / FOLDER / f"rate-{trial.stage}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)
    return path
