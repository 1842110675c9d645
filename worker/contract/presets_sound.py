"""Ready-made ways of fine-tuning on recordings, on what users chose, and of agents."""

from collections.abc import Callable

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.tasks import TaskName

Values = dict[str, JsonValue]


def _adamw(lr: float) -> Values:
    return {"name": "adamw", "lr": lr, "weight_decay": 0.01, "max_grad_norm": 1.0}


def _all(epochs: int, lr: float) -> Values:
    scheduler: Values = {"name": "one_cycle", "warmup_ratio": 0.2}
    optimizer = _adamw(lr)
    return {
        "name": "all",
        "train": "all",
        "epochs": epochs,
        "optimizer": optimizer,
        "scheduler": scheduler,
    }


def _train(batch_size: int, *stages: Values) -> Values:
    patience: Values = {"patience": 10}
    return {"batch_size": batch_size, "early_stopping": patience, "stages": list(stages)}


def _heard_head() -> Values:
    head: Values = {"name": "head", "train": ["head"], "epochs": 15, "optimizer": _adamw(3e-3)}
    return {"train": _train(16, head)}


def _heard_all() -> Values:
    return {"augment": {"preset": "specaugment"}, "train": _train(16, _all(20, 2e-3))}


def _spoken() -> Values:
    return {"augment": {"preset": "specaugment"}, "train": _train(16, _all(40, 3e-3))}


def _dictated() -> Values:
    stage: Values = {
        "name": "adapter",
        "train": ["adapter"],
        "epochs": 3,
        "optimizer": _adamw(1e-3),
        "scheduler": {"name": "linear", "warmup_ratio": 0.1},
    }
    return {
        "model": {"adapter": {"type": "lora", "r": 16, "lora_alpha": 32}},
        "augment": {"preset": "specaugment"},
        "train": _train(8, stage),
    }


def _both_towers() -> Values:
    stage: Values = {"name": "all", "train": "all", "epochs": 10, "optimizer": _adamw(3e-3)}
    return {"train": _train(512, stage)}


def _new_users() -> Values:
    head: Values = {"name": "users", "train": ["head"], "epochs": 10, "optimizer": _adamw(3e-3)}
    return {"train": _train(512, head)}


def _agent() -> Values:
    value: Values = {
        "name": "value-head",
        "train": ["value_head"],
        "epochs": 1,
        "optimizer": {"name": "adam", "lr": 1e-3},
    }
    everything: Values = {
        "name": "all",
        "train": "all",
        "epochs": 4,
        "optimizer": {"name": "adam", "lr": 3e-4},
    }
    return {
        "env": {"id": "CartPole-v1", "shift": {"length": 1.0}},
        "data": {"train": {"repo": "env/CartPole-v1"}},
        "train": _train(512, value, everything),
    }


SOUND_WAYS: tuple[tuple[str, str, str, Callable[[], Values], tuple[TaskName, ...]], ...] = (
    (
        "sound-head",
        N_("Quick head"),
        N_("Freeze the network and train a new last layer on pictures of the sound."),
        _heard_head,
        ("audio-classification",),
    ),
    (
        "sound-all",
        N_("Everything, bands hidden"),
        N_("Train the whole network while bands of pitch and of time are hidden."),
        _heard_all,
        ("audio-classification",),
    ),
    (
        "speech",
        N_("Write down speech"),
        N_("Train the whole network to write letter by letter what is said."),
        _spoken,
        ("automatic-speech-recognition",),
    ),
    (
        "speech-adapter",
        N_("Whisper, adapter"),
        N_("Freeze Whisper and train thin matrices beside its attention."),
        _dictated,
        ("automatic-speech-recognition",),
    ),
    (
        "both-towers",
        N_("Users and items"),
        N_("Learn vectors of users and of items together."),
        _both_towers,
        ("recommendation",),
    ),
    (
        "new-users",
        N_("New users, same items"),
        N_("Keep the items of the base as they are and learn vectors of your users."),
        _new_users,
        ("recommendation",),
    ),
    (
        "agent",
        N_("Value head, then all"),
        N_("First learn what the changed environment is worth, then how to act in it."),
        _agent,
        ("reinforcement-learning",),
    ),
)
