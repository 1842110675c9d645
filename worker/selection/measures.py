"""Every measure of one candidate, from its frozen features."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.contract.rank import Share
from worker.evaluation.metrics import accuracy_interval
from worker.selection.gbc import gbc
from worker.selection.h_score import h_score
from worker.selection.knn import knn_correct
from worker.selection.leep import leep, nce
from worker.selection.logme import logme
from worker.selection.n_leep import n_leep
from worker.selection.probe import fit_probe
from worker.selection.trans_rate import trans_rate

NUM_FOLDS = 5


@dataclass(frozen=True)
class Measured:
    """What was measured: scores by name, and which samples probe and neighbours got right."""

    scores: dict[str, float]
    probe_correct_N: Tensor
    knn_correct_N: Tensor


def measure(
    features_ND: Tensor, labels_N: Tensor, source_NZ: Tensor | None, seed: int = 0
) -> Measured:
    """Return every measure of features.

    Args:
        features_ND: features, one row a sample.
        labels_N: class numbers from 0 without gaps.
        source_NZ: probabilities of the base's own classes; None where it has none.
        seed: of the folds and of the mixture behind N-LEEP.
    """
    features_ND = at_unit_scale(features_ND)
    scores = {
        "logme": logme(features_ND, labels_N),
        "h_score": h_score(features_ND, labels_N),
        "n_leep": n_leep(features_ND, labels_N, seed),
        "gbc": gbc(features_ND, labels_N),
        "trans_rate": trans_rate(features_ND, labels_N),
    }
    if source_NZ is not None:
        scores["leep"] = leep(source_NZ, labels_N)
        scores["nce"] = nce(source_NZ.argmax(dim=1), labels_N)
    return Measured(
        scores, probe_correct(features_ND, labels_N, seed), knn_correct(features_ND, labels_N)
    )


def at_unit_scale(features_ND: Tensor) -> Tensor:
    """Return features, as fp64, whose deviations are 1 in the mean square.

    Networks with random weights give numbers of 1e-10; every floor of the measures would take
    them for constants, though they tell classes apart.
    """
    features_ND = features_ND.double()
    scale = features_ND.var(dim=0, correction=0).mean().sqrt()
    return features_ND / scale if scale > 0 else features_ND


def probe_correct(features_ND: Tensor, labels_N: Tensor, seed: int) -> Tensor:
    """Return which samples a probe gets right that has not seen them, each held out once."""
    num_classes = int(labels_N.max()) + 1
    fold_N = stratified_folds(labels_N, NUM_FOLDS, seed)
    correct_N = torch.zeros(len(labels_N), dtype=torch.bool)
    for fold in range(NUM_FOLDS):
        held = fold_N == fold
        probe = fit_probe(features_ND[~held], labels_N[~held], num_classes)
        correct_N[held] = probe.scores(features_ND[held]).argmax(dim=1) == labels_N[held]
    return correct_N


def stratified_folds(labels_N: Tensor, folds: int, seed: int) -> Tensor:
    """Return the fold of each sample; a class is spread over the folds as evenly as can be."""
    generator = torch.Generator().manual_seed(seed)
    fold_N = torch.empty(len(labels_N), dtype=torch.int64)
    given = 0
    for label in labels_N.unique():
        members = (labels_N == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        # Counting on from class to class keeps the folds themselves of one size.
        fold_N[members] = (torch.arange(len(members)) + given) % folds
        given += len(members)
    return fold_N


def share_of(correct_N: Tensor) -> Share:
    """Return the share that is right with its 95 % interval."""
    right, size = int(correct_N.sum()), len(correct_N)
    low, high = accuracy_interval(right, size)
    return Share(value=right / size, low=low, high=high)
