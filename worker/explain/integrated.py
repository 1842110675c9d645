"""Integrated gradients: how much each input added to the score, from nothing to the sample."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

COMPLETE_ENOUGH = 0.05
_STEPS = (32, 96, 288)


def integrated_gradients(
    network: nn.Module, inputs: Tensor, target: int, baseline: Tensor | None = None
) -> tuple[Tensor, float]:
    """Return the attribution of one sample, of the sample's shape, and its completeness error.

    The error is how far the sum misses the change of the score, as a fraction of it; steps are
    added until it is at most 5 %, or 288 were taken.

    Args:
        network: in eval mode.
        inputs: one sample with its batch dimension of 1.
        target: the class whose score is explained.
        baseline: what counts as nothing; zeros without it.

    Source: Sundararajan et al. 2017, arXiv 1703.01365.
    """
    from captum.attr import IntegratedGradients

    nothing = torch.zeros_like(inputs) if baseline is None else baseline
    method = IntegratedGradients(network)
    return _until_complete(
        lambda steps: method.attribute(
            inputs,
            baselines=nothing,
            target=target,
            n_steps=steps,
            internal_batch_size=16,
        ),
        lambda: _change(network, inputs, nothing, target),
    )


def token_gradients(
    forward: Callable[..., Tensor],
    embedding: nn.Module,
    inputs: tuple[Tensor, ...],
    target: int,
    nothing_id: int,
) -> tuple[Tensor, float]:
    """Return how much each token of one text added to the score, and the completeness error.

    Args:
        forward: from token ids, and what else it wants, to scores.
        embedding: the layer that turns ids into vectors.
        inputs: the token ids of one text, then what else `forward` wants; each is (1, L).
        target: the class whose score is explained.
        nothing_id: the token that counts as nothing, usually the padding.
    """
    from captum.attr import LayerIntegratedGradients

    token_ids_1L, *others = inputs
    nothing_1L = torch.full_like(token_ids_1L, nothing_id)
    # The frame of a text belongs to nothing as well, or its loss would be explained instead.
    nothing_1L[:, 0], nothing_1L[:, -1] = token_ids_1L[:, 0], token_ids_1L[:, -1]
    method = LayerIntegratedGradients(forward, embedding)

    def attribute(steps: int) -> Tensor:
        weights_1LD: Tensor = method.attribute(
            token_ids_1L,
            baselines=nothing_1L,
            target=target,
            additional_forward_args=tuple(others) or None,
            n_steps=steps,
            internal_batch_size=8,
        )
        return weights_1LD.sum(-1)

    def change() -> float:
        with torch.no_grad():
            twice = (torch.cat((other, other)) for other in others)
            both = forward(torch.cat((token_ids_1L, nothing_1L)), *twice)
        return float(both[0, target] - both[1, target])

    return _until_complete(attribute, change)


def _change(network: nn.Module, inputs: Tensor, nothing: Tensor, target: int) -> float:
    with torch.no_grad():
        scores = network(torch.cat((inputs, nothing)))
    return float(scores[0, target] - scores[1, target])


def _until_complete(
    attribute: Callable[[int], Tensor], change: Callable[[], float]
) -> tuple[Tensor, float]:
    whole, found, missed = change(), None, 1.0
    for steps in _STEPS:
        found = attribute(steps).detach()
        missed = abs(float(found.sum()) - whole) / max(abs(whole), 1e-9)
        if missed <= COMPLETE_ENOUGH:
            break
    assert found is not None  # noqa: S101 - there is at least one number of steps
    return found, missed
