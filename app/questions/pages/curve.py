"""A loss curve as the points of an SVG line, so that it needs no script and no style."""

from collections.abc import Sequence

WIDTH, HEIGHT = 320.0, 80.0
_MARGIN = 4.0


def curve_points(curve: Sequence[tuple[float, float]]) -> str:
    """Return `x,y x,y …` in a box of 320 by 80; empty for fewer than two points."""
    if len(curve) < 2:  # noqa: PLR2004  # a line has two ends
        return ""
    steps, losses = [point[0] for point in curve], [point[1] for point in curve]
    across, down = (max(steps) - min(steps)) or 1.0, (max(losses) - min(losses)) or 1.0
    return " ".join(
        f"{_MARGIN + (step - min(steps)) / across * (WIDTH - 2 * _MARGIN):.1f},"
        f"{_MARGIN + (max(losses) - loss) / down * (HEIGHT - 2 * _MARGIN):.1f}"
        for step, loss in curve
    )
