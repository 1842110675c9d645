"""Making networks of transformers faster on a CPU without changing what they compute."""

import torch
from torch import Tensor

from worker.data.batches import Split
from worker.evaluation.predict import evaluating
from worker.modeling.dropout import draw_briefly, draw_plainly
from worker.modeling.network import Network
from worker.modeling.packing import try_packing
from worker.modeling.sequences import Sequences
from worker.task import Task

PACKED = (
    "Texts are computed one after the other without padding; the answers are those of the padded "
    "network."
)
_NARROW = " The last block computes only the first token of each text, as the head sees no other."
PADDED = "Texts of a batch are padded to the longest: this architecture gives other answers else."


def quicken(task: Task, network: Network, split: Split) -> list[str]:
    """Let a network read texts without padding where that is the same; return lines for the log.

    A few texts of the split, the shortest and the longest among them, are the judge: what does not
    give the answers of the network as it was is not done. `network.restore` takes it back.
    On a GPU, where a loop over texts is slow, nothing is done.
    """
    lengths = split.lengths
    if lengths is None or not hasattr(network.module, "config"):
        return []
    order = lengths.argsort()
    some = order[[0, len(order) // 2, len(order) - 1]]
    inputs = split.take(some, train=False).inputs
    real_BT = _real(inputs)
    if real_BT is None:
        return []
    layers = draw_briefly(network.module)
    network.undo.append(lambda: draw_plainly(layers))
    with torch.no_grad(), evaluating(network.module):
        packing = try_packing(network.module, lambda: task.forward(network.module, inputs), real_BT)
    if packing is None:
        return [PADDED]
    network.undo.append(packing.remove)
    return [PACKED + (_NARROW if packing.is_narrow else "")]


def _real(inputs: object) -> Tensor | None:
    """Return which places of a batch on the CPU hold a token; None where it is not of texts."""
    if not isinstance(inputs, dict) or "input_ids" not in inputs:
        return None
    if inputs["input_ids"].device.type != "cpu":
        return None
    if "attention_mask" in inputs:
        return Sequences.of_mask(inputs["attention_mask"]).real
    if "position_ids" in inputs:
        return Sequences.of_positions(inputs["position_ids"]).real
    return None
