"""Ready-made ways of fine-tuning networks on texts."""

from collections.abc import Callable

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.tasks import TaskName

Values = dict[str, JsonValue]
_NEW_HEAD: tuple[TaskName, ...] = (
    "text-classification",
    "token-classification",
    "question-answering",
)
_OWN_HEAD: tuple[TaskName, ...] = ("text-generation", "fill-mask")


def _adamw(lr: float) -> Values:
    return {"name": "adamw", "lr": lr, "weight_decay": 0.01, "max_grad_norm": 1.0}


def _linear() -> Values:
    return {"name": "linear", "warmup_ratio": 0.1}


def _train(*stages: Values) -> Values:
    return {"batch_size": 16, "early_stopping": {"patience": 3}, "stages": list(stages)}


def _everything() -> Values:
    stage: Values = {
        "name": "all",
        "train": "all",
        "epochs": 3,
        "optimizer": _adamw(5e-5),
        "scheduler": _linear(),
        "lr_by_group": {"head": 5e-4},
    }
    return {"train": _train(stage)}


def _head_then_everything() -> Values:
    head: Values = {"name": "head", "train": ["head"], "epochs": 3, "optimizer": _adamw(2e-3)}
    everything: Values = {
        "name": "all",
        "train": "all",
        "epochs": 3,
        "optimizer": _adamw(5e-5),
        "scheduler": _linear(),
        "lr_by_group": {"head": 2e-4},
    }
    return {"train": _train(head, everything)}


def _adapter(*others: JsonValue) -> Values:
    stage: Values = {
        "name": "adapter",
        "train": ["adapter", *others],
        "epochs": 3,
        "optimizer": _adamw(1e-3),
        "scheduler": _linear(),
    }
    return {
        "model": {"adapter": {"type": "lora", "r": 8, "lora_alpha": 16}},
        "train": _train(stage),
    }


def _adapter_and_head() -> Values:
    return _adapter("head")


def _adapter_alone() -> Values:
    return _adapter()


def _go_on() -> Values:
    stage: Values = {
        "name": "all",
        "train": "all",
        "epochs": 3,
        "optimizer": _adamw(5e-5),
        "scheduler": _linear(),
    }
    return {"train": _train(stage)}


TEXT_WAYS: tuple[tuple[str, str, str, Callable[[], Values], tuple[TaskName, ...]], ...] = (
    (
        "text-all",
        N_("Everything, small rate"),
        N_("Train the whole network for a few passes; only the new head moves quickly."),
        _everything,
        _NEW_HEAD,
    ),
    (
        "text-head-then-all",
        N_("Head, then all"),
        N_("First the new head alone, then the whole network with a small rate."),
        _head_then_everything,
        _NEW_HEAD,
    ),
    (
        "text-adapter",
        N_("Adapter"),
        N_("Leave the network as it is; train the head and thin matrices beside its layers."),
        _adapter_and_head,
        _NEW_HEAD,
    ),
    (
        "language-all",
        N_("Go on learning"),
        N_("Train the whole language model on your texts with a small rate."),
        _go_on,
        _OWN_HEAD,
    ),
    (
        "language-adapter",
        N_("Adapter"),
        N_("Leave the language model as it is; train thin matrices beside its layers."),
        _adapter_alone,
        _OWN_HEAD,
    ),
)
