"""TransRate: the coding rate of all features less that of the features class by class.

Source: Huang et al., "Frustratingly easy transferability estimation", ICML 2022.
"""

from torch import Tensor

from worker.selection.spectra import log_det_one_plus

_DISTORTION = 1e-4


def trans_rate(features_ND: Tensor, labels_N: Tensor, distortion: float = _DISTORTION) -> float:
    """Return an estimate of the information between features and classes; higher is better.

    The features are scaled to a total variance of 1 first, so that networks with larger numbers
    do not win by them.
    """
    centred_ND = features_ND.double() - features_ND.double().mean(dim=0)
    length = centred_ND.square().sum(dim=1).mean().sqrt()
    if float(length) > 0:
        centred_ND = centred_ND / length
    rate = coding_rate(centred_ND, distortion)
    for label in labels_N.unique():
        mine = labels_N == label
        rate = rate - mine.double().mean() * coding_rate(centred_ND[mine], distortion)
    return float(rate)


def coding_rate(rows_ND: Tensor, distortion: float) -> Tensor:
    """Return ½ ln det(I + RᵀR / (n · distortion)), in nats."""
    return log_det_one_plus(rows_ND, 1 / (len(rows_ND) * distortion)) / 2
