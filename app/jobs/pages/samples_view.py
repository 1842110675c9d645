"""What the run page shows of single samples: pictures with what was found, or rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import JsonValue

from app.core.i18n import _
from app.core.templating import percent
from worker.contract.manifest import Result

_HUES = 8
_MAX_CHARS = 400
_BOX_NUMBERS = 4
# More than these hide the picture; they come with the surest first.
_MAX_SHAPES = 40


@dataclass(frozen=True)
class Shape:
    """Something drawn over a picture: a box, or the bars of a mask. `hue` is 0 to 7."""

    hue: int
    title: str
    box: Sequence[float] = ()
    path: str = ""


@dataclass(frozen=True)
class Layer:
    """What is drawn over a picture. `view` is the SVG's own measure, `alt` says it in words."""

    title: str
    view: tuple[int, int]
    shapes: Sequence[Shape]
    alt: str


@dataclass(frozen=True)
class SeenPicture:
    """A picture as it is and as the model sees it."""

    name: str
    address: str
    width: int
    height: int
    layers: Sequence[Layer]


@dataclass(frozen=True)
class SamplesView:
    """Samples ready to be shown: pictures, or a table of texts. `legend` is label and hue."""

    pictures: Sequence[SeenPicture] = ()
    legend: Sequence[tuple[str, int]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    def __bool__(self) -> bool:
        return bool(self.pictures or self.rows)


def samples_view(result: Result, images: str) -> SamplesView:
    """Return the samples of the split that counts.

    Args:
        result: what the run measured.
        images: the address under which the files of the split lie.
    """
    samples = result.headline.samples
    hues = {label: number % _HUES for number, label in enumerate(result.classes)}
    if samples and all(_is_picture(sample) for sample in samples):
        pictures = [_picture(sample, hues, images) for sample in samples]
        drawn = {shape.hue for picture in pictures for shape in _shapes(picture)}
        legend = [(label, hue) for label, hue in hues.items() if hue in drawn]
        return SamplesView(pictures=pictures, legend=legend)
    return _table(samples)


def _is_picture(sample: Mapping[str, JsonValue]) -> bool:
    sizes = (
        sample.get("width"),
        sample.get("height"),
        sample.get("columns", 1),
        sample.get("rows", 1),
    )
    return "path" in sample and all(isinstance(size, int) for size in sizes)


def _shapes(picture: SeenPicture) -> list[Shape]:
    return [shape for layer in picture.layers for shape in layer.shapes]


def _picture(sample: Mapping[str, Any], hues: Mapping[str, int], images: str) -> SeenPicture:
    path = str(sample["path"])
    width, height = int(sample["width"]), int(sample["height"])
    view = (int(sample.get("columns", width)), int(sample.get("rows", height)))
    layers = [
        Layer(title, view, shapes, _said(title, shapes))
        for title, shapes in (
            (_("As labelled"), _drawn(sample.get("true"), hues)),
            _found(_drawn(sample.get("predicted"), hues)),
        )
    ]
    address = f"{images}/{quote(path)}"
    return SeenPicture(path.rpartition("/")[2], address, width, height, layers)


def _found(shapes: Sequence[Shape]) -> tuple[str, Sequence[Shape]]:
    shown = shapes[:_MAX_SHAPES]
    if len(shown) == len(shapes):
        return _("As found"), shown
    counts = {"shown": len(shown), "all": len(shapes)}
    return _("As found, the surest %(shown)d of %(all)d") % counts, shown


def _drawn(parts: Any, hues: Mapping[str, int]) -> list[Shape]:
    found = []
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, dict):
            continue
        label, score = str(part.get("label", "")), part.get("score")
        title = f"{label} {percent(score, 0)}" if isinstance(score, float) else label
        box, path = _numbers(part.get("bbox")), str(part.get("path", ""))
        if path or len(box) == _BOX_NUMBERS:
            found.append(Shape(hues.get(label, 0), title, box, path))
    return found


def _numbers(value: Any) -> list[float]:
    parts = value if isinstance(value, list) else ()
    return [float(part) for part in parts if isinstance(part, int | float)]


def _said(title: str, shapes: Sequence[Shape]) -> str:
    names = ", ".join(shape.title for shape in shapes) or _("nothing")
    return _("%(title)s: %(names)s") % {"title": title, "names": names}


def _table(samples: Sequence[Mapping[str, JsonValue]]) -> SamplesView:
    if not samples:
        return SamplesView()
    names = list(samples[0])
    titles = {
        "path": _("Sample"),
        "text": _("Text"),
        "question": _("Question"),
        "true": _("Truth"),
        "found": _("Found"),
        "predicted": _("Found"),
        "score": _("Score"),
        "f1": "F1",
        "prompt": _("Prompt"),
        "target": _("Truth"),
    }
    rows = [[_cell(sample.get(name)) for name in names] for sample in samples]
    return SamplesView(columns=[titles.get(name, name) for name in names], rows=rows)


def _cell(value: JsonValue) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_cell(part) for part in value)
    if isinstance(value, dict):
        return " · ".join(_cell(part) for part in value.values())
    text = "" if value is None else str(value)
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"


def counted(task: str) -> str:
    """Return what the table of classes counts."""
    words = {
        "image-classification": _("Images"),
        "object-detection": _("Objects"),
        "image-segmentation": _("Pixels"),
        "token-classification": _("Spans"),
    }
    return words.get(task) or _("Samples")
