"""Token weights of a text by integrated gradients on its word vectors."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from worker.contract.after_results import Attribution, TokenWeight
from worker.data.batches import Batch
from worker.explain.integrated import token_gradients
from worker.finished import Finished, class_scores

_IDS, _MASK = "input_ids", "attention_mask"


@runtime_checkable
class HasTokens(Protocol):
    """A split of texts that can say which piece of text a token is."""

    def pieces(self, token_ids: list[int]) -> list[str]:
        """Return the text of each token."""


def is_text(batch: Batch) -> bool:
    """Return whether a batch holds token ids."""
    return not isinstance(batch.inputs, Tensor) and _IDS in batch.inputs


def explain_text(run: Finished, batch: Batch, target: int) -> Attribution:
    """Return how much each piece of one text spoke for a class; the largest weight is 1."""
    ids_1L: Tensor = batch.inputs[_IDS]
    mask_1L: Tensor = batch.inputs.get(_MASK, torch.ones_like(ids_1L))
    kept = int(mask_1L.sum())

    def forward(ids: Tensor, mask: Tensor) -> Tensor:
        return class_scores(run.task.forward(run.module, {_IDS: ids, _MASK: mask})).float()

    weights_1L, missed = token_gradients(
        forward,
        _embedding(run.module),
        ids_1L[:, :kept],
        mask_1L[:, :kept],
        target,
        nothing_id=int(getattr(run.split, "pad_id", 0)),
    )
    top = float(weights_1L.abs().max()) or 1.0
    split = run.split
    ids = ids_1L[0, :kept].tolist()
    texts = split.pieces(ids) if isinstance(split, HasTokens) else [str(number) for number in ids]
    weights = (weights_1L[0] / top).tolist()
    return Attribution(
        method="integrated-gradients",
        completeness=missed,
        tokens=tuple(
            TokenWeight(text=text, weight=round(weight, 4))
            for text, weight in zip(texts, weights, strict=True)
        ),
    )


def _embedding(module: nn.Module) -> nn.Module:
    """Return the layer of word vectors: the largest table, which is the vocabulary's."""
    tables = [part for part in module.modules() if isinstance(part, nn.Embedding)]
    return max(tables, key=lambda table: table.num_embeddings)
