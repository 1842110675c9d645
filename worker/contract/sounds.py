"""Looking into the head of a recording: how long it is, how fast it was sampled."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SECONDS = 30
_FLAC_HEAD = 42
_WAVE_FORMAT_BYTES = 16
_OTHERS = {
    "mp3": re.compile(rb"ID3|\xff[\xe0-\xff]"),
    "ogg": re.compile(rb"OggS"),
    "m4a": re.compile(rb".{4}ftyp", re.DOTALL),
}
_PCM_FORMATS = {1, 3, 0xFFFE}


@dataclass(frozen=True)
class SoundProbe:
    """What a recording holds; the rate is in samples a second. `error` is None when it is whole."""

    seconds: float = 0.0
    rate: int = 0
    channels: int = 0
    format: str = ""
    error: str | None = None


def probe_sound(content: bytes) -> SoundProbe:
    """Return the facts of a recording from its head; damage is told in `error`, never raised.

    The length of WAVE and FLAC is known; of MP3, Ogg and MPEG-4 only that they look like it.
    """
    if not content:
        return SoundProbe(error="the file is empty")
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return _probe_wave(content)
    if content[:4] == b"fLaC":
        return _probe_flac(content)
    for name, looks_like in _OTHERS.items():
        if looks_like.match(content):
            return SoundProbe(format=name)
    return SoundProbe(error="not a recording, or of a kind that is not read")


def _probe_wave(content: bytes) -> SoundProbe:
    kind = rate = channels = frame = 0
    for name, start, size in _chunks(content):
        if name == b"fmt " and size >= _WAVE_FORMAT_BYTES and start + size <= len(content):
            kind, channels, rate, _per_second, frame, _bits = struct.unpack_from(
                "<HHIIHH", content, start
            )
        if name == b"data":
            if kind not in _PCM_FORMATS or not (rate and channels and frame):
                return SoundProbe(error="damaged: no readable format before the samples")
            # A writer that streams leaves the size open; what is there counts.
            there = min(size, len(content) - start)
            if there < size < 0xFFFFFF00:  # noqa: PLR2004 - below it a size is meant
                return SoundProbe(error="damaged: the end is missing")
            seconds = there / frame / rate
            error = None if there else "there is no sound in it"
            return SoundProbe(round(seconds, 3), rate, channels, "wav", error)
    return SoundProbe(error="damaged: no samples")


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start, size) of the parts of a RIFF file."""
    position = 12
    while position + 8 <= len(content):
        name = content[position : position + 4]
        (size,) = struct.unpack_from("<I", content, position + 4)
        yield name, position + 8, size
        position += 8 + size + size % 2


def _probe_flac(content: bytes) -> SoundProbe:
    if len(content) < _FLAC_HEAD:
        return SoundProbe(error="damaged: the end is missing")
    (packed,) = struct.unpack_from(">Q", content, 18)
    rate, channels, samples = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    if not rate or len(content) == _FLAC_HEAD:
        return SoundProbe(error="damaged: no samples")
    return SoundProbe(round(samples / rate, 3), rate, channels, "flac")
