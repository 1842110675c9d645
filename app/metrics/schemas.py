"""One number with its labels, and how a page of them is written."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Sample:
    """A number. `suffix` belongs to the parts of a histogram."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """Numbers of one meaning."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...]


def gauge(name: str, about: str, value: float) -> Family:
    """Return a single number that goes up and down."""
    return Family(name, "gauge", about, (Sample(value),))


def gauges(name: str, about: str, label: str, values: Mapping[str, float]) -> Family:
    """Return a number for each value of a label."""
    samples = (Sample(value, {label: key}) for key, value in sorted(values.items()))
    return Family(name, "gauge", about, tuple(samples))


def written(families: Iterable[Family]) -> str:
    """Return the numbers as text."""
    lines = []
    for family in families:
        lines += [f"# HELP {family.name} {family.about}", f"# TYPE {family.name} {family.kind}"]
        lines += [
            f"{family.name}{one.suffix}{_labels(one.labels)} {_number(one.value)}"
            for one in family.samples
        ]
    return "\n".join([*lines, ""])


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if float(value).is_integer() else f"{value:.6g}"
