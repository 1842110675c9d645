"""Intervals that say how sure a measure is."""

import math

_Z_95 = 1.959963984540054


def accuracy_interval(correct: int, size: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy, as fractions.

    Source: Wilson 1927, Probable inference; holds for few samples too.
    """
    part, square = correct / size, _Z_95**2
    middle = (part + square / (2 * size)) / (1 + square / size)
    half = (
        _Z_95 * math.sqrt(part * (1 - part) / size + square / (4 * size**2)) / (1 + square / size)
    )
    return max(0.0, middle - half), min(1.0, middle + half)
