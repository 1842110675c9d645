"""Networks of our own. Each file needs torch alone, so that a card can carry its text along."""

import inspect
from importlib import import_module
from types import ModuleType

from torch import nn

LIBRARY = "tuningfork"
# Networks that classify: they are built with a head that is replaced, as those of other libraries.
_CLASSIFIERS = {"audio-cnn": ("audio_cnn", "AudioCnn")}
NAMES = ("audio-cnn", "speech-ctc", "two-tower", "mlp-policy")


def classifier(name: str) -> nn.Module:
    """Return a classifier with random weights.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in _CLASSIFIERS:
        raise ValueError(name)
    file, kind = _CLASSIFIERS[name]
    module: nn.Module = getattr(import_module(f"{__name__}.{file}"), kind)()
    return module


def source_of(module: ModuleType) -> str:
    """Return the text of a module without what it says of itself, for the code on a card."""
    text = inspect.getsource(module)
    return text.split('"""', 2)[2].strip() + "\n"
