"""Choosing what to try next, and what mattered: an Optuna study, rebuilt from our own rows.

Nothing is stored by Optuna. It is loaded by the first call (a second), and every function here
computes: call them in a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue

from worker.contract.search import Choice, Dimension, FloatRange, Params, Search

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

_STARTUP = 4
_ENOUGH = 6
# What counts as good: of few trials the best tenth would be one, and one tells nothing.
_GOOD = 0.4


@dataclass(frozen=True)
class Tried:
    """A combination that was tried. `value` is None while it runs, and where it came to nothing."""

    params: Params
    state: Literal["measured", "live", "pruned", "lost"]
    value: float | None = None


def suggest(search: Search, tried: Sequence[Tried], *, maximize: bool) -> Params:
    """Return the next combination; the same rows give the same answer."""
    if search.sampler != "tpe":
        return search.point(len(tried))
    study = _study(search, tried, maximize=maximize)
    trial = study.ask(_distributions(search))
    return {path: _value(item, trial.params[path]) for path, item in search.space.items()}


def importance(search: Search, tried: Sequence[Tried], *, maximize: bool) -> dict[str, float]:
    """Return which share of the differences each value explains (PED-ANOVA); empty if unknown.

    At least six combinations must have been measured, and differ.
    """
    measured = [one for one in tried if one.state == "measured"]
    if len(measured) < _ENOUGH or len({one.value for one in measured}) == 1:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    study = _study(search, measured, maximize=maximize)
    found = get_param_importances(
        study, evaluator=PedAnovaImportanceEvaluator(target_quantile=_GOOD)
    )
    return {path: float(share) for path, share in found.items()}


def _study(search: Search, tried: Sequence[Tried], *, maximize: bool) -> "Study":
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize" if maximize else "minimize",
        # A seed of its own for every step: one seed would draw the same number again and again.
        sampler=optuna.samplers.TPESampler(
            seed=search.seed + len(tried),
            n_startup_trials=_STARTUP,
            multivariate=len(search.space) > 1,
            constant_liar=True,
        ),
    )
    states = {
        "measured": TrialState.COMPLETE,
        "live": TrialState.RUNNING,
        "pruned": TrialState.PRUNED,
        "lost": TrialState.FAIL,
    }
    distributions = _distributions(search)
    for one in tried:
        has_value = one.value is not None
        study.add_trial(
            create_trial(
                state=states[one.state],
                value=one.value if one.state == "measured" else None,
                params={path: _code(search.space[path], v) for path, v in one.params.items()},
                distributions={path: distributions[path] for path in one.params},
                intermediate_values={1: one.value} if has_value and one.value is not None else {},
            )
        )
    return study


def _distributions(search: Search) -> "dict[str, BaseDistribution]":
    return {path: _distribution(item) for path, item in search.space.items()}


def _distribution(item: Dimension) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(item, Choice):  # by number: a choice may be a list, which Optuna does not know
        return CategoricalDistribution(tuple(range(len(item.choice))))
    if isinstance(item, FloatRange):
        return FloatDistribution(*item.bounds, log=item.log)
    return IntDistribution(*item.bounds, log=item.log, step=item.step)


def _code(item: Dimension, value: JsonValue) -> Any:
    return item.index(value) if isinstance(item, Choice) else value


def _value(item: Dimension, code: Any) -> JsonValue:
    value: JsonValue = item.choice[code] if isinstance(item, Choice) else code
    return value
