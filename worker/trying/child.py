"""The process that holds opened models: questions in on a socket, predictions out.

It is started by `worker.trying.host` behind the fences of an attempt: no network, and of files it
sees the folder of models and its own scratch. One bad input or model ends nothing but its answer.
"""

import json
import os
import socket
import sys
import time
from collections import OrderedDict
from pathlib import Path

import structlog
from pydantic import ValidationError

from worker.contract.base import Wire
from worker.contract.failures import RunError
from worker.contract.predictions import Prediction, PredictionAnswer, PredictionInput, Problem
from worker.trying import wire as wires
from worker.trying.opened import InputError, Opened, open_model

log = structlog.get_logger(__name__)

# Weights in memory are about as large as their file; other parts of a model are small.
_WEIGHTS = "model.safetensors"


class Question(Wire):
    """One thing to be predicted by the model of a folder."""

    folder: str
    task: str
    given: PredictionInput


class Shelf:
    """The last few models, up to a number of bytes; what was used longest ago goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._models: OrderedDict[tuple[str, str], tuple[Opened, int]] = OrderedDict()

    def get(self, folder: str, task: str) -> tuple[Opened, bool]:
        """Return the model of a folder, and whether it had to be opened.

        Raises:
            RunError: it cannot be built.
        """
        key = (folder, task)
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key][0], False
        size = (Path(folder) / _WEIGHTS).stat().st_size
        while self._models and self._total() + size > self._limit:
            self._models.popitem(last=False)
        opened = open_model(Path(folder), task)
        self._models[key] = (opened, size)
        return opened, True

    def _total(self) -> int:
        return sum(size for _, size in self._models.values())


def answer(shelf: Shelf, question: Question) -> PredictionAnswer:
    """Return a prediction, or why there is none."""
    try:
        opened, was_loaded = shelf.get(question.folder, question.task)
        began_at = time.perf_counter()
        found: Prediction = opened.predict(question.given)
        spent = {"seconds": time.perf_counter() - began_at, "loaded": was_loaded}
        return PredictionAnswer(prediction=found.model_copy(update=spent))
    except InputError as error:
        return _problem("input_unreadable", str(error))
    except RunError as error:
        return _problem("model_unusable", error.failure().detail or error.failure().sentence)
    except MemoryError:
        return _problem("model_unusable", "It needs more memory than there is for trying models.")
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, OSError) as error:
        # What a network says to an input of a wrong shape, or a config that contradicts itself.
        log.exception("prediction_failed", task=question.task)
        return _problem("model_unusable", f"{type(error).__name__}: {error}"[:300])


def _problem(code: str, detail: str) -> PredictionAnswer:
    return PredictionAnswer(problem=Problem.model_validate({"code": code, "detail": detail}))


def main(limit_bytes: int) -> None:
    """Answer until the other end is closed."""
    shelf = Shelf(limit_bytes)
    with socket.socket(fileno=os.dup(0)) as wire:
        wires.send(wire, b'{"ready": true}')
        while (message := wires.receive(wire)) is not None:
            try:
                reply = answer(shelf, Question.model_validate_json(message))
            except ValidationError as error:
                reply = _problem("input_unreadable", str(error.errors()[0]["msg"]))
            wires.send(wire, reply.model_dump_json().encode())


if __name__ == "__main__":
    main(int(json.loads(sys.argv[1])))
