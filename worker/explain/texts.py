"""Token weights of a text by integrated gradients on its word vectors."""

from torch import Tensor, nn

from worker.contract.after_results import Attribution, TokenWeight
from worker.data.batches import Batch
from worker.evaluation.finished import Finished, class_scores
from worker.explain.integrated import token_gradients

_IDS = "input_ids"


def is_text(batch: Batch) -> bool:
    """Return whether a batch holds token ids."""
    return not isinstance(batch.inputs, Tensor) and _IDS in batch.inputs


def explain_text(run: Finished, batch: Batch, target: int) -> Attribution:
    """Return how much each piece of one text spoke for a class; the largest weight is 1."""
    inputs: dict[str, Tensor] = dict(batch.inputs)
    ids_1L = inputs.pop(_IDS)

    def forward(ids: Tensor, *others: Tensor) -> Tensor:
        given = {_IDS: ids, **dict(zip(inputs, others, strict=True))}
        return class_scores(run.task.forward(run.module, given)).float()

    weights_1L, missed = token_gradients(
        forward,
        _embedding(run.module),
        (ids_1L, *inputs.values()),
        target,
        nothing_id=int(getattr(run.split, "pad_id", 0)),
    )
    top = float(weights_1L.abs().max()) or 1.0
    return Attribution(
        method="integrated-gradients",
        completeness=missed,
        tokens=tuple(
            TokenWeight(text=text, weight=round(weight / top, 4))
            for text, weight in zip(
                _pieces(run, ids_1L[0].tolist()), weights_1L[0].tolist(), strict=True
            )
            if text
        ),
    )


def _pieces(run: Finished, ids: list[int]) -> list[str]:
    """Return what each token stands for; empty for those that only frame a text."""
    tokenizer = getattr(run.task, "tokenizer", None)
    if tokenizer is None:
        return [str(number) for number in ids]
    frame = set(tokenizer.all_special_ids)
    return [
        "" if number in frame else str(tokenizer.decode([number])).removeprefix("##").strip()
        for number in ids
    ]


def _embedding(module: nn.Module) -> nn.Module:
    """Return the layer of word vectors: the largest table, which is the vocabulary's."""
    tables = [part for part in module.modules() if isinstance(part, nn.Embedding)]
    return max(tables, key=lambda table: table.num_embeddings)
