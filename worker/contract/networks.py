"""How large networks are: parameters, work and memory of one sample, without building them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from pydantic import JsonValue

from worker.contract.bases import PinnedBase

_FLOAT_BYTES = 4
_MB = 1e6


class _Known(NamedTuple):
    """A network at `side` pixels: million parameters, GFLOP, MB kept, MB of the largest layer."""

    side: int
    parameters: float
    gflop: float
    saved: float
    largest: float


# Counted on the networks of torchvision 0.30 and timm 1.0 without weights (torch's meta device):
# operations of one forward pass by its FLOP counter, what autograd keeps of one more sample in
# training mode, and input and output of the largest single layer. In 32-bit numbers.
_KNOWN: Mapping[str, _Known] = {
    "resnet18": _Known(224, 11.69, 3.628, 22.18, 6.42),
    "resnet34": _Known(224, 21.80, 7.328, 32.22, 6.42),
    "resnet50": _Known(224, 25.56, 8.178, 85.91, 6.42),
    "resnet101": _Known(224, 44.55, 15.60, 126.9, 6.42),
    "wide_resnet50_2": _Known(224, 68.88, 22.80, 112.2, 6.42),
    "mobilenet_v2": _Known(224, 3.505, 0.602, 78.21, 9.63),
    "mobilenet_v3_small": _Known(224, 2.543, 0.113, 16.17, 1.81),
    "mobilenet_v3_large": _Known(224, 5.483, 0.433, 44.11, 6.42),
    "mobilenetv3_small_100": _Known(224, 2.543, 0.113, 16.17, 1.81),
    "mobilenetv3_large_100": _Known(224, 5.483, 0.433, 44.11, 6.42),
    "mobilenetv4_conv_small": _Known(224, 3.774, 0.372, 16.32, 3.21),
    "vgg11": _Known(224, 132.9, 15.22, 48.87, 25.69),
    "vgg16": _Known(224, 138.4, 30.94, 73.36, 25.69),
    "vgg16_bn": _Known(224, 138.4, 30.94, 127.5, 25.69),
    "alexnet": _Known(224, 61.10, 1.428, 3.74, 1.55),
    "squeezenet1_1": _Known(224, 1.235, 0.698, 21.07, 6.31),
    "densenet121": _Known(224, 7.979, 5.668, 130.4, 6.42),
    "shufflenet_v2_x1_0": _Known(224, 2.279, 0.290, 20.38, 2.41),
    "efficientnet_b0": _Known(224, 5.289, 0.772, 88.19, 9.63),
    "efficientnet_b3": _Known(224, 12.23, 1.925, 170.4, 14.45),
    "tf_efficientnet_lite0": _Known(224, 4.652, 0.770, 79.48, 9.63),
    "tf_efficientnet_lite1": _Known(240, 5.417, 1.200, 119.4, 11.06),
    "tf_efficientnet_lite2": _Known(260, 6.092, 1.719, 151.8, 12.98),
    "convnext_tiny": _Known(224, 28.59, 8.911, 109.2, 9.63),
    "convnextv2_atto": _Known(224, 3.708, 1.095, 48.34, 4.01),
    "swin_t": _Known(224, 28.29, 8.981, 106.6, 9.63),
    "swin_tiny_patch4_window7_224": _Known(224, 28.29, 8.981, 106.6, 9.63),
    "vit_b_16": _Known(224, 86.57, 35.13, 154.9, 4.84),
    "vit_base_patch16_224": _Known(224, 86.57, 35.13, 140.4, 4.84),
    "vit_small_patch16_224": _Known(224, 22.05, 9.198, 70.52, 2.42),
    "vit_tiny_patch16_224": _Known(224, 5.717, 2.507, 35.58, 1.21),
    "deit_tiny_patch16_224": _Known(224, 5.717, 2.507, 35.58, 1.21),
    "mobilevit_xs": _Known(256, 2.318, 2.052, 156.1, 16.78),
    "efficientvit_b0": _Known(224, 3.410, 0.200, 28.88, 3.21),
    "test_resnet": _Known(160, 0.470, 0.205, 5.96, 1.64),
    "test_vit": _Known(160, 0.371, 0.075, 3.03, 0.33),
    "test_efficientnet": _Known(160, 0.356, 0.115, 6.71, 1.23),
}
# A network that is not listed: the middle of those that are, for each parameter or pixel. All but
# a few of the list lie within a factor of three of it.
_USUAL_SIDE = 224
_USUAL_PARAMETERS = 10e6
_USUAL_FLOP = 250.0
_USUAL_SAVED = 1300.0
_USUAL_LARGEST = 128.0
_UNLISTED_DOUBT = 3.0


@dataclass(frozen=True)
class Footprint:
    """What a network needs for one sample. Bytes are those of 32-bit numbers.

    `flops` are of one forward pass; `saved` is what training keeps for the way back when every
    layer trains; `largest` is the layer that holds most at once. `doubt` is by what factor the
    truth may differ either way; `width` are the numbers a head is given.
    """

    parameters: float
    flops: float
    saved: float
    largest: float
    doubt: float = 1.15
    width: int = 1280

    def times(self, factor: float) -> "Footprint":
        """Return the footprint of a sample that is so many times as large."""
        return replace(
            self,
            flops=self.flops * factor,
            saved=self.saved * factor,
            largest=self.largest * factor,
        )


def picture_footprint(base: PinnedBase, side: int, weights_bytes: int = 0) -> Footprint:
    """Return the footprint of a network for pictures of some side, in pixels."""
    known = _KNOWN.get(_architecture(base))
    if known is not None:
        found = Footprint(
            known.parameters * _MB, known.gflop * 1e9, known.saved * _MB, known.largest * _MB
        )
        return found.times((side / known.side) ** 2)
    parameters = weights_bytes / _FLOAT_BYTES or _USUAL_PARAMETERS
    pixels = side * side
    return Footprint(
        parameters,
        _USUAL_FLOP * parameters * pixels / _USUAL_SIDE**2,
        _USUAL_SAVED * pixels,
        _USUAL_LARGEST * pixels,
        doubt=_UNLISTED_DOUBT,
    )


def _architecture(base: PinnedBase) -> str:
    """Return the name under which a network is listed, that of the trunk where it has one."""
    backbone = base.config.get("backbone")
    inner = backbone.get("architecture") if isinstance(backbone, dict) else None
    return inner if isinstance(inner, str) else base.architecture


# What training keeps of one token, in multiples of the width of a block; of its inner width twice,
# where it is gated four times. Counted as above on a BERT and a Llama of two and of four layers.
_KEPT_WIDTHS = 10.0
_USUAL_WIDTH = 384
_USUAL_LAYERS = 6
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "width": ("hidden_size", "n_embd", "dim", "d_model"),
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "inner": ("intermediate_size", "hidden_dim", "n_inner", "d_ff"),
    "vocabulary": ("vocab_size",),
}


def text_footprint(base: PinnedBase, tokens: float, *, guesses_words: bool) -> Footprint:
    """Return the footprint of a network of transformers for a text of so many tokens.

    With `guesses_words` every token is given a score for each word of the vocabulary.
    """
    width = _number(base.config, "width") or _USUAL_WIDTH
    layers = _number(base.config, "layers") or _USUAL_LAYERS
    inner = _number(base.config, "inner") or 4 * width
    vocabulary = _number(base.config, "vocabulary")
    # A gated block has three matrices in place of two, and keeps twice as much between them.
    is_gated = base.config.get("hidden_act") == "silu"
    block = 4 * width * width + (3 if is_gated else 2) * width * inner
    scores = vocabulary if guesses_words else 0.0
    flops = 2 * (layers * (block + 2 * tokens * width) + scores * width) * tokens
    kept = layers * (_KEPT_WIDTHS * width + (4 if is_gated else 2) * inner)
    kept += 3 * width + 3 * scores
    largest = max(width + inner, 2 * scores)
    return Footprint(
        parameters=vocabulary * width + layers * block,
        flops=flops,
        saved=kept * tokens * _FLOAT_BYTES,
        largest=largest * tokens * _FLOAT_BYTES,
        doubt=1.3,
        width=int(width),
    )


def _number(config: Mapping[str, JsonValue], what: str) -> float:
    found = (config.get(name) for name in _SPELLINGS[what])
    return next((float(value) for value in found if isinstance(value, int | float)), 0.0)


# A recording is a picture of 64 bands and a hundred columns a second. Bytes kept of each place and
# operations on it, worked out from the layers of our own network for classes.
_BANDS = 64
_COLUMNS_PER_SECOND = 100
_SOUND_SAVED = 700.0
_SOUND_LARGEST = 256.0
_SOUND_FLOP = 24_000.0


def sound_footprint(seconds: float, weights_bytes: int = 0) -> Footprint:
    """Return the footprint of one of our own networks for a recording of so many seconds."""
    places = _BANDS * _COLUMNS_PER_SECOND * seconds
    parameters = weights_bytes / _FLOAT_BYTES or 300_000.0
    flops, saved, largest = (each * places for each in (_SOUND_FLOP, _SOUND_SAVED, _SOUND_LARGEST))
    return Footprint(parameters, flops, saved, largest, doubt=2.5)
