"""Looking into one image file: is it whole, how large, which colours."""

import io
import struct
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 40_000_000
MAX_IMAGE_BYTES = 64 * 1024 * 1024
_BYTE_MAX = 255
_ORIENTATION = 0x0112
_TURNED = range(5, 9)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")


@dataclass(frozen=True)
class ImageProbe:
    """What an image file holds. `error` is None when it can be used; sizes are upright pixels."""

    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    frames: int = 1
    error: str | None = None


class ImageUnreadableError(ValueError):
    """The bytes are not a whole image that may be opened; the message says why."""


def probe_image(content: bytes) -> ImageProbe:
    """Decode an image fully and return its facts; damage is told in `error`, never raised."""
    try:
        _check_chunks(content)
        with _open(content) as image:
            frames = int(getattr(image, "n_frames", 1))
            mode, kind = image.mode, image.format or ""
            upright = ImageOps.exif_transpose(_loaded(image))
            return ImageProbe(upright.width, upright.height, mode, kind, frames)
    except ImageUnreadableError as error:
        return ImageProbe(error=str(error))


def picture_size(content: bytes) -> tuple[int, int]:
    """Return width and height of an image, upright, from its head alone.

    Raises:
        ImageUnreadableError: empty, too large, or not an image.
    """
    with _open(content) as image:
        try:
            is_turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
        except _DAMAGE:
            is_turned = False
        return (image.height, image.width) if is_turned else image.size


def decode_mask(content: bytes) -> Image.Image:
    """Return a mask as it is stored: a whole number a pixel (mode L, or I for more than 255).

    Raises:
        ImageUnreadableError: damaged, or a colour picture.
    """
    with _open(content) as image:
        mask = _loaded(image)
        if mask.mode in {"L", "P"}:
            return Image.frombytes("L", mask.size, mask.tobytes())
        if mask.mode == "1":
            return mask.convert("L").point(lambda value: min(value, 1))
        if mask.mode.startswith("I"):
            return mask.convert("I")
        raise ImageUnreadableError(f"a picture of mode {mask.mode}")


def decode_image(content: bytes) -> Image.Image:
    """Return the first frame of an image, upright, as RGB; transparent parts become white.

    Raises:
        ImageUnreadableError: empty, damaged, too large, or not an image.
    """
    with _open(content) as image:
        upright = ImageOps.exif_transpose(_loaded(image))
        if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
            upright = upright.convert("RGBA")
            ground = Image.new("RGBA", upright.size, (255, 255, 255, 255))
            return Image.alpha_composite(ground, upright).convert("RGB")
        if upright.mode.startswith("I;16") or upright.mode in {"I", "F"}:
            return _from_deep(upright).convert("RGB")
        return upright.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits; Pillow's own conversion would clip it to white."""
    deep = image.convert("I")
    brightest = deep.getextrema()[1]
    is_deep = not isinstance(brightest, tuple) and brightest > _BYTE_MAX
    return (deep.point(lambda value: value * (1 / 257)) if is_deep else deep).convert("L")


def _open(content: bytes) -> Image.Image:
    if not content:
        raise ImageUnreadableError("the file is empty")
    if len(content) > MAX_IMAGE_BYTES:
        raise ImageUnreadableError("the file is larger than 64 MB")
    try:
        with warnings.catch_warnings():
            # Pillow warns about large pictures; the limit below is ours and is an error.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageUnreadableError("not a picture, or of a kind that is not read") from error
    except _DAMAGE as error:
        raise ImageUnreadableError(f"damaged: {_reason(error)}") from error
    if image.width * image.height > MAX_PIXELS:
        raise ImageUnreadableError(f"more than 40 megapixels ({image.width}x{image.height})")
    return image


def _check_chunks(content: bytes) -> None:
    """Refuse a PNG whose end is missing; decoding alone would not notice the last bytes."""
    with _open(content) as image:
        if image.format != "PNG":
            return
        try:
            image.verify()
        except _DAMAGE as error:
            raise ImageUnreadableError(f"damaged: {_reason(error)}") from error


def _loaded(image: Image.Image) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            image.load()
    except _DAMAGE as error:
        raise ImageUnreadableError(f"damaged: {_reason(error)}") from error
    return image


# What Pillow's decoders raise for damaged bytes.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    struct.error,
    MemoryError,
)


def _reason(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:120] if text else type(error).__name__
