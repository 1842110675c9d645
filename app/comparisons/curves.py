"""Loss curves of several runs in one picture, as the points of SVG lines on one scale."""

from collections.abc import Sequence

from app.comparisons.schemas import ComparedRun

WIDTH, HEIGHT = 640.0, 220.0
_MARGIN = 6.0


def lines_of(runs: Sequence[ComparedRun]) -> list[str]:
    """Return `x,y x,y …` for each run in a box of 640 by 220; empty for fewer than two points."""
    points = [point for run in runs for point in run.curve]
    if not points:
        return ["" for _run in runs]
    first, last = min(p[0] for p in points), max(p[0] for p in points)
    low, high = min(p[1] for p in points), max(p[1] for p in points)

    def drawn(step: float, loss: float) -> str:
        across = (step - first) / ((last - first) or 1.0) * (WIDTH - 2 * _MARGIN)
        down = (high - loss) / ((high - low) or 1.0) * (HEIGHT - 2 * _MARGIN)
        return f"{_MARGIN + across:.1f},{_MARGIN + down:.1f}"

    return [
        " ".join(drawn(*point) for point in run.curve) if len(run.curve) > 1 else "" for run in runs
    ]
