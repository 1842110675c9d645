"""timm: its optimizer factory and its flags for speed, --channels-last and --amp in bf16."""

from contextlib import nullcontext
from typing import Any

import torch
from timm.optim import create_optimizer_v2

from bench.train import seeds
from bench.train.jobs import Job, Tick


def run(name: str, job: Job, tick: Tick) -> Any:
    """Train as timm's script does on a CPU."""
    parts = seeds.build(job)
    amp, model = name == "timm-amp", parts.model
    layout = torch.contiguous_format if name == "timm" else torch.channels_last
    model.to(memory_format=layout)
    kind = "rmsprop" if type(parts.optimizer).__name__ == "RMSprop" else "momentum"
    optimizer = create_optimizer_v2(model, opt=kind, lr=job.lr, momentum=0.9)
    model.train()
    for _ in range(job.epochs):
        for images, labels in parts.loader:
            with torch.autocast("cpu", torch.bfloat16) if amp else nullcontext():
                loss = parts.loss(model(images.contiguous(memory_format=layout)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
            tick(len(labels))
    return model
