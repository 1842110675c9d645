"""Tutorial d: a BERT with a classifier, all of it trained by Adam, every text padded to 512."""

import csv
from typing import Any

from torch import optim
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bench.train.jobs import Job, Parts

LONGEST = 512


def rows(job: Job, split: str) -> tuple[list[str], list[int]]:
    """Return the texts of a split, with the numbers of their classes."""
    with (job.folder / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    names = sorted({row["label"] for row in found})
    return [row["text"] for row in found], [names.index(row["label"]) for row in found]


class Texts(Dataset[Any]):
    """Tokenised texts, not yet padded."""

    def __init__(self, job: Job, split: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(job.network)
        texts, self.labels = rows(job, split)
        self.tokens = self.tokenizer(texts, truncation=True, max_length=LONGEST)["input_ids"]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Any:
        return {"input_ids": self.tokens[index], "labels": self.labels[index]}


def build(job: Job) -> Parts:
    """Return network, batches and optimizer; the network has its own loss."""
    texts = Texts(job, "train")
    model = AutoModelForSequenceClassification.from_pretrained(
        job.network, num_labels=len(set(texts.labels))
    )
    optimizer = optim.Adam(model.parameters(), lr=job.lr)
    return Parts(model, _batches(job, texts, shuffle=True), optimizer, lambda: None)


def test_loader(job: Job) -> DataLoader[Any]:
    """Return the batches of the test split."""
    return _batches(job, Texts(job, "test"), shuffle=False)


def _batches(job: Job, texts: Texts, *, shuffle: bool) -> DataLoader[Any]:
    def padded(items: list[Any]) -> Any:
        return texts.tokenizer.pad(
            items, padding=job.padding, max_length=LONGEST, return_tensors="pt"
        )

    return DataLoader(texts, batch_size=job.batch, shuffle=shuffle, collate_fn=padded)
