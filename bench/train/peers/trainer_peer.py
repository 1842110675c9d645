"""transformers' Trainer: padded as the job says, and with bf16=True and batches of like length."""

import tempfile
from typing import Any

from transformers import Trainer, TrainerCallback, TrainingArguments

from bench.train import seeds
from bench.train.jobs import Job, Tick


class _Counting(TrainerCallback):
    def __init__(self, tick: Tick, batch: int) -> None:
        self._tick, self._batch = tick, batch

    def on_step_end(self, *_args: Any, **_values: Any) -> None:
        """Count what was trained."""
        self._tick(self._batch)


def run(name: str, job: Job, tick: Tick) -> Any:
    """Train with the Trainer, without reports and checkpoints."""
    parts = seeds.build(job)
    grouped = name.endswith("grouped")
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=job.batch,
            num_train_epochs=job.epochs,
            learning_rate=job.lr,
            lr_scheduler_type="constant",
            bf16="bf16" in name,
            use_cpu=True,
            train_sampling_strategy="group_by_length" if grouped else "random",
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            dataloader_drop_last=True,
        )
        trainer = Trainer(
            model=parts.model,
            args=settings,
            train_dataset=parts.loader.dataset,
            data_collator=parts.loader.collate_fn,
            callbacks=[_Counting(tick, job.batch)],
        )
        trainer.train()
    return trainer.model
