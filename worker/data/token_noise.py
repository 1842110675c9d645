"""Small changes of texts: some tokens are left out, and some change places with the next one."""

import torch
from torch import Tensor


def with_noise(tokens_T: Tensor, special: Tensor, part: float) -> Tensor:
    """Return the places of a text's tokens in another order, with some of them left out.

    Special tokens stay, and so does at least one other. Tokens change places with a neighbour, so
    that none leaves its sentence of a pair. Random swap and random deletion of Wei and Zou (2019),
    on tokens instead of words; drawn from torch's own random numbers.

    Args:
        tokens_T: the numbers of the tokens.
        special: the numbers of special tokens.
        part: about which part of the tokens is left out, and which part changes places.

    Returns:
        Indices into `tokens_T`, at most T of them.
    """
    places = torch.arange(len(tokens_T))
    ordinary = ~torch.isin(tokens_T, special)
    swapped = (ordinary[:-1] & ordinary[1:] & (torch.rand(len(places) - 1) < part)).nonzero()
    for place in swapped.flatten().tolist():
        places[[place, place + 1]] = places[[place + 1, place]]
    kept = ~ordinary | (torch.rand(len(places)) >= part)
    if not (kept & ordinary).any():
        kept |= ordinary
    return places[kept[places]]
