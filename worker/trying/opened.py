"""A model opened from the files of its repository, ready to be tried."""

import json
from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from worker.contract.bases import BaseUnreadableError, PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.contract.plan import Plan
from worker.contract.predictions import Prediction, PredictionInput
from worker.modeling.weights import WEIGHTS_FILE

# Which module opens the models of a task.
_MODULES = {
    "image-classification": "images",
    "image-regression": "images",
    "object-detection": "dense",
    "image-segmentation": "dense",
    "audio-classification": "sounds",
    "automatic-speech-recognition": "speech",
    "text-classification": "texts",
    "token-classification": "tokens",
    "fill-mask": "texts",
    "text-generation": "writing",
    "question-answering": "answers",
}


class InputError(ValueError):
    """The input cannot be read; the message says why, in a sentence."""


class Opened(ABC):
    """A network in eval mode with all it needs to read one input."""

    @abstractmethod
    def predict(self, given: PredictionInput) -> Prediction:
        """Return what the network makes of an input.

        Raises:
            InputError: it cannot be read.
        """


class ModelFolder:
    """The files of a model repository, read as what they say."""

    def __init__(self, path: Path, task: str) -> None:
        self.path = path
        self.task = task
        self.config = _object(path / "config.json")
        try:
            self.base = PinnedBase.from_config("this model", None, self.config)
        except BaseUnreadableError as error:
            raise RunError(FailureCode.BASE_INVALID, str(error)) from error

    @property
    def weights(self) -> Path:
        """The file of the weights."""
        return self.path / WEIGHTS_FILE

    @property
    def plan(self) -> Plan | None:
        """What the model was trained by; None where the repository does not say it."""
        try:
            return Plan.model_validate_json((self.path / "plan.json").read_bytes())
        except (OSError, ValidationError):
            return None

    @property
    def labels(self) -> list[str]:
        """The classes in the order of the scores; numbers where they have no names."""
        if self.base.labels is not None:
            return list(self.base.labels)
        return [f"class {number}" for number in range(self.base.num_classes)]

    def number(self, *names: str) -> float | None:
        """Return a number of config.json that lies below some names."""
        value: JsonValue = self.config
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return float(value) if isinstance(value, int | float) else None


def _object(path: Path) -> dict[str, JsonValue]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(FailureCode.BASE_INVALID, f"{path.name} cannot be read.") from error
    if not isinstance(value, dict):
        raise RunError(FailureCode.BASE_INVALID, f"{path.name} is no JSON object.")
    return value


def open_model(path: Path, task: str) -> Opened:
    """Return the model of a folder, built anew and with its own weights; no code of it is run.

    Raises:
        RunError: the files describe no network that is known, or the weights do not fit it.
    """
    name = _MODULES.get(task)
    if name is None:
        raise RunError(FailureCode.BASE_INVALID, f"Models for {task} cannot be tried.")
    module: Any = import_module(f"worker.trying.{name}")
    opened: Opened = module.OPEN(ModelFolder(path, task))
    return opened
