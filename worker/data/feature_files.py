"""Features in files: each appears whole or not at all, and is paged in as it is read."""

import json
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from worker.contract.feature_shelf import FACTS, NUMBERS, USED

# Features take at most this part of the space that is free.
_PART_OF_FREE = 0.5
_DTYPES = {str(dtype): dtype for dtype in (torch.float32, torch.bfloat16, torch.float16)}


@dataclass(frozen=True)
class FeatureFiles:
    """Features by keys, written to `folder`; those on the `shelf` of earlier runs are only read."""

    folder: Path
    shelf: Path | None = None

    def load(self, key: str) -> Tensor | None:
        """Return what is kept under a key, None if nothing whole is."""
        for place in (self.folder, self.shelf):
            if place is not None and (found := _read(place, key)) is not None:
                self._remember(key)
                return found
        return None

    def room(self, key: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | None:
        """Return room in a file for features, None where the disk has too little of it.

        They are kept once `seal` is called, and forgotten if it never is.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        size = math.prod(shape) * dtype.itemsize
        if size > shutil.disk_usage(self.folder).free * _PART_OF_FREE or str(dtype) not in _DTYPES:
            return None
        flat = torch.from_file(
            str(self._partial(key)), shared=True, size=math.prod(shape), dtype=dtype
        )
        return flat.view(shape)

    def seal(self, key: str, features: Tensor) -> None:
        """Keep what was written into the room of a key."""
        facts = {"shape": list(features.shape), "dtype": str(features.dtype)}
        self._partial(key).replace(self.folder / f"{key}{NUMBERS}")
        aside = self.folder / f".{key}{FACTS}"
        aside.write_text(json.dumps(facts), encoding="ascii")
        aside.replace(self.folder / f"{key}{FACTS}")

    def keep(self, key: str, features: Tensor) -> None:
        """Keep features that lie in memory; where the disk has no room they are not kept."""
        room = self.room(key, tuple(features.shape), features.dtype)
        if room is not None:
            room.copy_(features)
            self.seal(key, room)

    def _partial(self, key: str) -> Path:
        return self.folder / f".{key}.{os.getpid()}{NUMBERS}"

    def _remember(self, key: str) -> None:
        """Leave a mark, so that what is used often stays longest on the shelf."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{key}{USED}").touch()


def _read(folder: Path, key: str) -> Tensor | None:
    path = folder / f"{key}{NUMBERS}"
    try:
        facts = json.loads((folder / f"{key}{FACTS}").read_text(encoding="ascii"))
        shape, dtype = tuple(facts["shape"]), _DTYPES[facts["dtype"]]
        count = math.prod(shape)
        if path.stat().st_size != count * dtype.itemsize:
            return None
    except (OSError, ValueError, LookupError, TypeError):
        return None
    # Not shared: whoever writes to it writes to a copy of its own.
    return torch.from_file(str(path), shared=False, size=count, dtype=dtype).view(shape)
