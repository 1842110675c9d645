"""The header of a safetensors file: which tensors it holds, checked as strictly as a loader does.

A header comes from anybody. Nothing is allocated by what it claims; sizes are checked before use.
Source: the format's published description (eight bytes of length, JSON, then the tensors' bytes).
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import InvalidError
from app.core.i18n import _

PREFIX_BYTES = 8
MAX_HEADER_BYTES = 25_000_000
_MAX_TENSORS = 200_000
_MAX_DIMENSIONS = 32
_MAX_COUNT = 1 << 60
METADATA = "__metadata__"

# Bits of one number.
_BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """One tensor: its name, the type of its numbers, its shape, and which file holds it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str = ""

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """What a file says of itself; `raw` is its JSON as it stands."""

    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]
    raw: Mapping[str, Any]


def broken(why: str) -> InvalidError:
    """Return the answer to a file that is not what its name says."""
    return InvalidError(
        _("This is not a valid safetensors file: %(why)s") % {"why": why},
        fix=_("Save the weights again with the safetensors library."),
        code="bad_safetensors",
    )


def header_length(prefix: bytes, file_size: int) -> int:
    """Return the length of the JSON behind the first eight bytes.

    Raises:
        InvalidError: it cannot be right.
    """
    length = int.from_bytes(prefix, "little")
    if len(prefix) < PREFIX_BYTES or length < len("{}"):
        raise broken(_("it ends before its header."))
    if length > MAX_HEADER_BYTES:
        raise broken(_("its header claims to be longer than 25 MB."))
    if length > file_size - PREFIX_BYTES:
        raise broken(_("its header claims to be longer than the file."))
    return length


def read_header(text: bytes, file_size: int, file: str = "") -> Header:
    """Return what the JSON of a header says.

    Args:
        text: the JSON.
        file_size: of the whole file, which the tensors must fill exactly.
        file: the name that the tensors carry.

    Raises:
        InvalidError: it is not a header, or it does not fit the file.
    """
    try:
        raw = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise broken(_("its header is not JSON.")) from error
    if not isinstance(raw, dict) or not text.startswith(b"{"):
        raise broken(_("its header is not an object."))
    metadata = raw.get(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise broken(_("its metadata must be texts."))
    entries = [(name, entry) for name, entry in raw.items() if name != METADATA]
    if len(entries) > _MAX_TENSORS:
        raise broken(_("it names more than 200,000 tensors."))
    placed = [_tensor(name, entry, file) for name, entry in entries]
    _check_places(placed, file_size - PREFIX_BYTES - len(text))
    return Header(tuple(tensor for tensor, _start, _end in placed), metadata, raw)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse(word: str) -> None:
    raise ValueError(word)


def _tensor(name: str, entry: Any, file: str) -> tuple[Tensor, int, int]:
    shown = ascii(name[:100])[1:-1]
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise broken(_("the entry of %(name)s is not complete.") % {"name": shown})
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise broken(_("%(name)s has an unknown number type.") % {"name": shown})
    if not (_whole_numbers(shape) and len(shape) <= _MAX_DIMENSIONS):
        raise broken(_("%(name)s has no valid shape.") % {"name": shown})
    if not (_whole_numbers(offsets) and len(offsets) == len(("start", "end"))):
        raise broken(_("%(name)s has no valid place.") % {"name": shown})
    tensor = Tensor(name, dtype, tuple(shape), file)
    start, end = offsets
    if tensor.count > _MAX_COUNT or tensor.count * _BITS[dtype] != (end - start) * 8:
        raise broken(_("the bytes of %(name)s do not fit its shape.") % {"name": shown})
    return tensor, start, end


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(
        type(n) is int and 0 <= n <= _MAX_COUNT for n in value[: _MAX_DIMENSIONS + 1]
    )


def _check_places(placed: Iterable[tuple[Tensor, int, int]], num_bytes: int) -> None:
    """The tensors follow one another without a gap or an overlap, to the end of the file."""
    at = 0
    for tensor, start, end in sorted(placed, key=lambda one: one[1:]):
        if start != at:
            name = ascii(tensor.name[:100])[1:-1]
            raise broken(_("%(name)s overlaps another tensor or leaves a gap.") % {"name": name})
        at = end
    if at != num_bytes:
        raise broken(_("its tensors do not fill the file."))


def summary(tensors: Iterable[Tensor]) -> dict[str, Any]:
    """Return how many numbers there are, of each type and in all, as clients read it."""
    counts: Counter[str] = Counter()
    for tensor in tensors:
        counts[tensor.dtype] += tensor.count
    return {"parameters": dict(counts), "total": counts.total()}
