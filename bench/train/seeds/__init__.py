"""Five trainings as tutorials write them: plain torch, nothing clever.

Their faults are theirs: BatchNorm of frozen layers in train mode, every text padded to the end.
Each module has `build`, and `run` goes round with what it built.
"""

import importlib
from dataclasses import replace
from typing import Any

import torch

from bench.train.jobs import Job, Parts, Tick
from bench.train.seeds import last_block

NAMES = ("frozen_resnet", "vgg", "last_block", "bert", "small_images")


def build(job: Job) -> Parts:
    """Return the parts of a job's loop."""
    torch.manual_seed(job.chance)
    parts: Parts = importlib.import_module(f"bench.train.seeds.{job.seed}").build(job)
    return parts


def run(job: Job, tick: Tick) -> Any:
    """Train as the tutorial does; return the network."""
    if not job.head_epochs:
        return _go_round(job.epochs, build(job), tick)
    first = build(replace(job, trains="head"))
    _go_round(job.head_epochs, first, tick)
    return _go_round(job.epochs, last_block.unfrozen(job, first.model), tick)


def _go_round(epochs: int, parts: Parts, tick: Tick) -> Any:
    parts.model.train()
    for _ in range(epochs):
        for batch in parts.loader:
            tick(_step(parts, batch) if isinstance(batch, list) else _text_step(parts, batch))
    return parts.model


def _step(parts: Parts, batch: Any) -> int:
    images, labels = batch
    parts.optimizer.zero_grad()
    outputs = parts.model(images)
    loss = parts.loss(outputs, labels)
    loss.backward()
    parts.optimizer.step()
    loss.item()
    return len(labels)


def _text_step(parts: Parts, batch: Any) -> int:
    parts.optimizer.zero_grad()
    loss = parts.model(**batch).loss
    loss.backward()
    parts.optimizer.step()
    loss.item()
    return len(batch["labels"])


@torch.no_grad()
def accuracy(job: Job, model: Any) -> float:
    """Return the part of the test split that a network gets right, in eval mode."""
    module = importlib.import_module(f"bench.train.seeds.{job.seed}")
    model.eval()
    right = total = 0
    for batch in module.test_loader(job):
        if job.seed == "bert":
            labels, scores = batch["labels"], model(**batch).logits
        else:
            labels, scores = batch[1], model(batch[0])
        right += int((scores.argmax(1) == labels).sum())
        total += len(labels)
    return right / total
