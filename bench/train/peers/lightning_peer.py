"""Lightning's Trainer: as it comes, and with precision="bf16-mixed"."""

import logging
import warnings
from typing import Any

import lightning

from bench.train import seeds
from bench.train.jobs import Job, Parts, Tick


class _Module(lightning.LightningModule):
    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.model, self._optimizer, self._loss = parts.model, parts.optimizer, parts.loss

    def training_step(self, batch: Any, _number: int) -> Any:
        images, labels = batch
        return self._loss(self.model(images), labels)

    def configure_optimizers(self) -> Any:
        return self._optimizer


class _Counting(lightning.Callback):
    def __init__(self, tick: Tick) -> None:
        self._tick = tick

    def on_train_batch_end(
        self, _trainer: Any, _module: Any, _out: Any, batch: Any, _n: int
    ) -> None:
        self._tick(len(batch[1]))


def run(name: str, job: Job, tick: Tick) -> Any:
    """Train with Lightning, its logging and checkpoints off."""
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    parts = seeds.build(job)
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=job.epochs,
        precision="bf16-mixed" if name == "lightning-bf16" else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[_Counting(tick)],
    )
    trainer.fit(_Module(parts), parts.loader)
    return parts.model
