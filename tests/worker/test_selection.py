"""The scores by which base models are ranked, against closed forms and hand-made cases."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from worker.contract.inventory import FileFact
from worker.contract.rank import choose_samples
from worker.selection.gbc import bhattacharyya, gbc
from worker.selection.h_score import h_score, ledoit_wolf
from worker.selection.kendall import agreement, weighted_tau
from worker.selection.knn import knn_correct
from worker.selection.leep import leep, nce
from worker.selection.logme import best_precisions, log_evidence, logme
from worker.selection.measures import (
    Measured,
    measure,
    probe_correct,
    share_of,
    stratified_folds,
)
from worker.selection.mixture import fit_mixture
from worker.selection.n_leep import n_leep
from worker.selection.probe import fit_probe
from worker.selection.ranking import rank
from worker.selection.spectra import log_det_one_plus, principal, spectrum
from worker.selection.trans_rate import coding_rate, trans_rate

LN2 = math.log(2)


def clouds(distance: float, size: int = 60, width: int = 8, classes: int = 3) -> tuple[Tensor, ...]:
    """Features of classes whose means lie `distance` apart along axes of their own."""
    generator = torch.Generator().manual_seed(0)
    labels_N = torch.arange(size) % classes
    noise_ND = torch.randn(size, width, generator=generator, dtype=torch.float64)
    noise_ND[torch.arange(size), labels_N] += distance
    return noise_ND, labels_N


def turned(features: Tensor) -> Tensor:
    """The same features, rotated."""
    generator = torch.Generator().manual_seed(1)
    width = features.shape[1]
    random_DD = torch.randn(width, width, generator=generator, dtype=torch.float64)
    return features @ torch.linalg.qr(random_DD).Q


@pytest.mark.parametrize("shape", [(40, 10), (15, 30)])
def test_the_evidence_is_the_density_of_the_labels(shape: tuple[int, int]) -> None:
    features_ND = torch.randn(shape, generator=torch.Generator().manual_seed(3)).double()
    target_N = (features_ND[:, 0] > 0).double()
    squares_K, left_NK = spectrum(features_ND)
    alpha, beta = torch.tensor(2.0).double(), torch.tensor(5.0).double()
    covariance = features_ND @ features_ND.T / alpha + torch.eye(shape[0]).double() / beta
    normal = torch.distributions.MultivariateNormal(torch.zeros(shape[0]).double(), covariance)
    found = log_evidence(squares_K, left_NK, target_N, alpha, beta)
    assert float(found) == pytest.approx(float(normal.log_prob(target_N)), rel=1e-9)


def test_the_precisions_that_logme_finds_cannot_be_bettered() -> None:
    features_ND, labels_N = clouds(1.0)
    squares_K, left_NK = spectrum(features_ND)
    target_N = (labels_N == 0).double()
    alpha, beta = best_precisions(squares_K, left_NK, target_N)
    best = log_evidence(squares_K, left_NK, target_N, alpha, beta)
    for a, b in ((1.05, 1.0), (0.95, 1.0), (1.0, 1.05), (1.0, 0.95)):
        assert log_evidence(squares_K, left_NK, target_N, alpha * a, beta * b) < best


def test_the_h_score_of_one_feature_is_the_share_between_the_classes() -> None:
    features_ND = torch.tensor([[0.0], [2.0], [4.0], [6.0]])
    labels_N = torch.tensor([0, 0, 1, 1])
    # Variance 5; the class means 1 and 5 have variance 4.
    assert h_score(features_ND, labels_N, shrinkage=0.0) == pytest.approx(4 / 5)


@pytest.mark.parametrize("size", [40, 12])
def test_the_shrunk_h_score_is_the_trace_of_its_definition(size: int) -> None:
    features_ND, labels_N = clouds(1.5, size=size, width=20)
    centred = features_ND - features_ND.mean(dim=0)
    amount = ledoit_wolf(centred)
    covariance = centred.T @ centred / size
    shrunk = (1 - amount) * covariance + amount * covariance.trace() / 20 * torch.eye(20)
    means = torch.stack([centred[labels_N == label].mean(dim=0) for label in labels_N])
    between = means.T @ means / size
    expected = (1 - amount) * torch.linalg.solve(shrunk, between).trace()
    assert h_score(features_ND, labels_N) == pytest.approx(float(expected), rel=1e-6)
    assert 0 < amount < 1


def test_leep_and_nce_are_0_when_the_old_classes_tell_the_new_ones() -> None:
    source_N = torch.tensor([0, 1, 2, 2, 1, 0])
    labels_N = torch.tensor([0, 1, 0, 0, 1, 0])
    source_NZ = torch.nn.functional.one_hot(source_N, 5).double()
    assert leep(source_NZ, labels_N) == pytest.approx(0.0)
    assert nce(source_N, labels_N) == pytest.approx(0.0)


def test_leep_and_nce_are_the_entropy_when_the_old_classes_tell_nothing() -> None:
    labels_N = torch.tensor([0, 1, 0, 1])
    assert leep(torch.full((4, 3), 1 / 3), labels_N) == pytest.approx(-LN2)
    assert nce(torch.zeros(4, dtype=torch.int64), labels_N) == pytest.approx(-LN2)


def test_leep_of_a_hand_made_case() -> None:
    # P(y=0,z=0) = (0.8+0.4)/4, P(z=0) = 0.4 ... worked out by hand.
    source_NZ = torch.tensor([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.1, 0.9]])
    labels_N = torch.tensor([0, 0, 1, 1])
    given = {0: (1.2 / 1.6, 0.8 / 2.4), 1: (0.4 / 1.6, 1.6 / 2.4)}
    by_hand = [
        math.log(given[int(y)][0] * p[0] + given[int(y)][1] * p[1])
        for p, y in zip(source_NZ.tolist(), labels_N, strict=True)
    ]
    assert leep(source_NZ, labels_N) == pytest.approx(sum(by_hand) / 4, rel=1e-6)


def test_nce_of_a_hand_made_case() -> None:
    # Old class 0 is new class 0 or 1 with the same chance; old class 1 is always new class 1.
    source_N, labels_N = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 1])
    assert nce(source_N, labels_N) == pytest.approx(-LN2 / 2)


def test_n_leep_is_0_where_each_group_is_of_one_class() -> None:
    features_ND, labels_N = clouds(200.0)
    assert n_leep(features_ND, labels_N) == pytest.approx(0.0, abs=1e-6)


def test_a_mixture_of_one_part_is_the_mean_and_the_variance() -> None:
    points_NK, _ = clouds(0.0)
    mixture = fit_mixture(points_NK, 1, torch.Generator().manual_seed(0))
    assert torch.allclose(mixture.means_PK[0], points_NK.mean(dim=0))
    assert torch.allclose(mixture.variances_PK[0], points_NK.var(dim=0, correction=0))


def test_the_bhattacharyya_distance_of_two_gaussians() -> None:
    one, two = torch.tensor([0.0]).double(), torch.tensor([[2.0]]).double()
    found = bhattacharyya(one, torch.tensor([1.0]).double(), two, torch.tensor([[4.0]]).double())
    expected = 4 / 2.5 / 8 + 0.5 * math.log(2.5 / math.sqrt(4))
    assert float(found) == pytest.approx(expected)


def test_gbc_runs_from_full_overlap_to_none() -> None:
    same = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    labels_N = torch.tensor([0, 0, 1, 1])
    assert gbc(same, labels_N, width=None) == pytest.approx(-2.0)
    assert gbc(*clouds(100.0)) == pytest.approx(0.0, abs=1e-9)


def test_the_coding_rate_of_one_feature() -> None:
    rows_ND = torch.tensor([[3.0], [4.0]]).double()
    assert float(coding_rate(rows_ND, 0.5)) == pytest.approx(0.5 * math.log(1 + 25 / (2 * 0.5)))


def test_the_determinant_is_the_same_from_either_side() -> None:
    matrix = torch.randn(5, 9, generator=torch.Generator().manual_seed(0)).double()
    assert float(log_det_one_plus(matrix, 0.3)) == pytest.approx(
        float(log_det_one_plus(matrix.T, 0.3))
    )


def test_trans_rate_is_0_for_features_that_know_nothing() -> None:
    features_ND = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    assert trans_rate(features_ND, torch.tensor([0, 0, 1, 1])) == pytest.approx(0.0)


def test_a_sketch_finds_the_same_components_as_the_whole() -> None:
    generator = torch.Generator().manual_seed(0)
    factors = torch.randn(200, 6, generator=generator, dtype=torch.float64)
    wide = factors @ torch.randn(6, 300, generator=generator, dtype=torch.float64)
    centred = wide - wide.mean(dim=0)
    exact = torch.linalg.svdvals(centred)[:4]
    assert torch.allclose(principal(wide, 4).square().sum(dim=0).sqrt(), exact)


def test_neighbours_vote_without_the_sample_itself() -> None:
    angles = torch.tensor([0.0, 0.1, 0.2, 1.5, 1.6, 0.05])
    features_ND = torch.stack([angles.cos(), angles.sin()], dim=1)
    labels_N = torch.tensor([0, 0, 0, 1, 1, 1])
    # The last sample lies among those of the other class.
    assert knn_correct(features_ND, labels_N, 1).tolist() == [False, False, True, True, True, False]
    assert knn_correct(features_ND, labels_N, 3)[:3].all()


def test_the_probe_is_the_logistic_regression_of_a_known_library() -> None:
    from sklearn import linear_model

    features_ND, labels_N = clouds(1.0)
    standard = (features_ND - features_ND.mean(0)) / features_ND.std(0, correction=0)
    known = linear_model.LogisticRegression(C=10.0, tol=1e-10, max_iter=2000)
    known.fit((standard / 8**0.5).numpy(), labels_N.numpy())
    scores_NC = fit_probe(features_ND, labels_N, 3, strength=10.0).scores(features_ND)
    theirs = torch.from_numpy(known.predict_proba((standard / 8**0.5).numpy()))
    assert torch.allclose(scores_NC.softmax(dim=1), theirs, atol=1e-4)


def test_folds_hold_each_class_in_equal_parts() -> None:
    labels_N = torch.tensor([0] * 23 + [1] * 7)
    fold_N = stratified_folds(labels_N, 5, seed=1)
    for label, sizes in ((0, {4, 5}), (1, {1, 2})):
        assert set(fold_N[labels_N == label].bincount(minlength=5).tolist()) <= sizes
    assert set(fold_N.bincount(minlength=5).tolist()) == {6}


def test_a_share_has_the_interval_of_wilson() -> None:
    share = share_of(torch.tensor([True] * 8 + [False] * 2))
    assert share.value == pytest.approx(0.8)
    assert (share.low, share.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_weighted_tau_of_hand_made_orders() -> None:
    assert weighted_tau([3, 2, 1], [30, 20, 10]) == pytest.approx(1.0)
    assert weighted_tau([3, 2, 1], [10, 20, 30]) == pytest.approx(-1.0)
    # Weights of the pairs by rank: (0,1) 3/2, (0,2) 4/3, (1,2) 5/6.
    swapped_below = (1.5 + 4 / 3 - 5 / 6) / (1.5 + 4 / 3 + 5 / 6)
    assert weighted_tau([3, 2, 1], [3, 1, 2]) == pytest.approx(swapped_below)
    assert weighted_tau([3, 2, 1], [2, 3, 1]) < swapped_below
    assert math.isnan(weighted_tau([1, 1], [1, 2]))


def test_agreement_leaves_out_measures_that_say_nothing() -> None:
    assert agreement([[1, 2, 3], [2, 4, 6], [5, 5, 5]]) == pytest.approx(1.0)
    assert agreement([[1.0], [2.0]]) is None


SCORES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "logme": logme,
    "h_score": h_score,
    "n_leep": n_leep,
    "gbc": gbc,
    "trans_rate": trans_rate,
    "probe": lambda f, y: float(probe_correct(f, y, 0).double().mean()),
    "knn": lambda f, y: float(knn_correct(f, y).double().mean()),
}


@pytest.mark.parametrize("name", SCORES)
def test_classes_that_lie_further_apart_score_higher(name: str) -> None:
    values = [SCORES[name](*clouds(distance)) for distance in (0.0, 2.0, 6.0)]
    assert values == sorted(values)
    assert values[0] < values[2]


@pytest.mark.parametrize("name", ["logme", "h_score", "trans_rate", "knn"])
def test_turning_the_features_changes_nothing(name: str) -> None:
    features_ND, labels_N = clouds(1.5)
    found = SCORES[name](turned(features_ND), labels_N)
    assert found == pytest.approx(SCORES[name](features_ND, labels_N), rel=1e-6)


@pytest.mark.parametrize("name", ["h_score", "trans_rate", "gbc", "knn", "probe", "logme"])
def test_scaling_the_features_changes_nothing(name: str) -> None:
    features_ND, labels_N = clouds(1.5)
    found = SCORES[name](features_ND * 7, labels_N)
    assert found == pytest.approx(SCORES[name](features_ND, labels_N), rel=1e-3)


@pytest.mark.parametrize("name", SCORES)
def test_the_names_of_the_classes_change_nothing(name: str) -> None:
    features_ND, labels_N = clouds(1.5, classes=2)
    found = SCORES[name](features_ND, 1 - labels_N)
    assert found == pytest.approx(SCORES[name](features_ND, labels_N), abs=0.05)


def test_features_as_small_as_those_of_random_weights_are_measured_as_well() -> None:
    features_ND, labels_N = clouds(3.0)
    large, small = (measure(part, labels_N, None) for part in (features_ND, features_ND * 1e-11))
    assert small.scores == pytest.approx(large.scores, rel=1e-6)
    assert bool((small.probe_correct_N == large.probe_correct_N).all())


def test_constant_features_are_measured_too() -> None:
    labels_N = torch.arange(20) % 2
    found = measure(torch.ones(20, 6), labels_N, None)
    assert all(math.isfinite(value) for value in found.scores.values())


def measured(correct: float, logme_value: float) -> Measured:
    correct_N = torch.arange(400) < round(400 * correct)
    return Measured({"logme": logme_value}, correct_N, correct_N)


def test_a_clear_leader_leads_in_every_resample() -> None:
    ranking = rank([measured(0.5, -0.5), measured(0.9, -0.1), measured(0.7, -0.3)])
    assert ranking.order == (1, 2, 0)
    assert [(place.low, place.high) for place in ranking.places] == [(3, 3), (1, 1), (2, 2)]
    assert ranking.places[1].leads == pytest.approx(1.0)
    assert ranking.agreement == pytest.approx(1.0)


def test_equal_candidates_share_the_lead() -> None:
    ranking = rank([measured(0.8, -0.2), measured(0.8, -0.1)])
    assert ranking.order == (1, 0)
    assert [place.leads for place in ranking.places] == pytest.approx([0.5, 0.5])


def test_the_sample_keeps_the_shares_of_the_classes_and_two_of_each() -> None:
    facts = [
        FileFact(path=f"{label}/{n}", size=1, sha256=f"{label}{n}", label=label)
        for label, count in (("much", 300), ("some", 99), ("rare", 3))
        for n in range(count)
    ]
    chosen = choose_samples(facts, 40, seed=1)
    counts = {label: sum(f.label == label for f in chosen) for label in ("much", "some", "rare")}
    assert counts == {"much": 29, "some": 9, "rare": 2}
    assert chosen == choose_samples(facts, 40, seed=1)
    assert chosen != choose_samples(facts, 40, seed=2)
