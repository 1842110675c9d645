"""Small pictures of samples that have no address of their own, or a mask to be shown upon them."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

from worker.contract.formats.masks import class_image
from worker.contract.images import ImageUnreadableError, decode_image
from worker.contract.inventory import OpenData
from worker.contract.samples import Sample
from worker.contract.sources import ArchiveError

_SIDE = 224
_SMALL = 64
# The colours of a mask's classes; the first is not background but class 1.
_COLORS = (
    *((230, 97, 1), (37, 99, 168), (31, 117, 71), (179, 38, 30), (138, 93, 0)),
    *((120, 60, 160), (0, 140, 140), (200, 60, 130), (90, 90, 90)),
)
_VISIBLE = 0.55
_IGNORED = 255


def pictures_of(data: OpenData, samples: Sequence[Sample], *, is_packed: bool) -> dict[str, str]:
    """Return data addresses by path of the samples that need a picture made.

    Args:
        data: the open data set.
        samples: the samples that will be shown.
        is_packed: the files have no address, because they lie inside others.
    """
    if data.layout.media != "image":
        return {}
    made = {}
    for sample in samples:
        mask = sample.values.get("mask")
        if not is_packed and not isinstance(mask, str):
            continue
        try:
            picture = decode_image(data.files.read(sample.path))
            if isinstance(mask, str):
                kind = data.layout.notes.get("mask", "binary")
                picture = _with_mask(picture, class_image(data.files.read(mask), kind))
        except (ImageUnreadableError, ArchiveError):
            continue
        made[sample.path] = _address(picture)
    return made


def _with_mask(picture: Image.Image, mask: Image.Image) -> Image.Image:
    picture.thumbnail((_SIDE, _SIDE))
    small = mask.resize(picture.size, Image.Resampling.NEAREST)
    colors = Image.new("RGB", picture.size)
    colors.paste(_painted(small))
    visible = small.point(lambda number: 0 if number in {0, _IGNORED} else int(_VISIBLE * 255))
    return Image.composite(colors, picture, visible)


def _painted(mask: Image.Image) -> Image.Image:
    palette = [(0, 0, 0)] + [_COLORS[n % len(_COLORS)] for n in range(255)]
    painted = Image.frombytes("P", mask.size, mask.tobytes())
    painted.putpalette([value for color in palette for value in color])
    return painted.convert("RGB")


def _address(picture: Image.Image) -> str:
    is_small = max(picture.size) <= _SMALL
    picture.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    if is_small:
        picture.save(out, "PNG")
    else:
        picture.save(out, "JPEG", quality=82)
    kind = "png" if is_small else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode()}"
