"""Measures of tasks in the reader's language: their names, and their values as people read them."""

from app.core.i18n import _
from app.core.templating import percent
from worker.contract.tasks import MEASURES, TASKS


def measure_title(name: str) -> str:
    """Return the name of a measure; one that is not known keeps its own."""
    task, _slash, plain = name.rpartition("/")
    measure = MEASURES.get(plain)
    title = _(measure.title) if measure else plain
    return f"{title} · {task}" if task else title


def measured(value: float | None, name: str) -> str:
    """Return a value of a measure: a share in per cent, else four digits that count."""
    if value is None:
        return "–"
    measure = MEASURES.get(name.rpartition("/")[2])
    return percent(value) if measure and measure.is_share else f"{value:.4g}"


def is_share(name: str) -> bool:
    """Return whether a measure lies between 0 and 1 and is shown in per cent."""
    measure = MEASURES.get(name)
    return measure is not None and measure.is_share


def headline_metric(task: str) -> str:
    """Return the headline measure of a task."""
    return next((spec.metric for name, spec in TASKS.items() if name == task), "loss")
