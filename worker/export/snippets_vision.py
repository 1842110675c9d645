"""The Python texts on the cards of detectors and segmenters; torch and its library run them.

The classes are those that were trained: their text is taken from where they are defined.
"""

import inspect
from collections.abc import Sequence

from worker.contract.bases import Preprocessing
from worker.data.letterbox import letterbox
from worker.modeling.backbones import BackboneSpec
from worker.modeling.detector import BoxHead, Detector, boxes_of
from worker.modeling.segmenter import MaskHead, Segmenter

_MODES = {"nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC"}

_DETECT = """

def detect(path, least=0.3):
    picture = Image.open(path).convert("RGB")
    with torch.inference_mode():
        boxes, scores, numbers = boxes_of(model(prepare(picture))[0], least)
    boxes = boxes * max(picture.size) / SIZE
    return [
        {"label": labels[number], "score": score, "box": box}
        for number, score, box in zip(numbers.tolist(), scores.tolist(), boxes.tolist())
    ]
"""

_SEGMENT = """

def segment(path):
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    scale = max(picture.size) / SIZE
    with torch.inference_mode():
        scores = model(prepare(picture))
        scores = scores[:, :, : max(1, round(height / scale)), : max(1, round(width / scale))]
        scores = nn.functional.interpolate(scores, size=(height, width), mode="bilinear")
    return scores[0].argmax(0)
"""


def detection_snippet(spec: BackboneSpec, numbers: Preprocessing, width: int) -> str:
    """Return the code; it reads `config.json` and `model.safetensors` from the current folder."""
    build = f"BoxHead({list(spec.channels)}, {list(spec.strides)}, len(labels), {width})"
    parts = (BoxHead, Detector, boxes_of)
    model = f"Detector(backbone, {build})"
    return _snippet(
        spec, numbers, parts, model, ["from torchvision.ops import batched_nms"], _DETECT
    )


def segmentation_snippet(spec: BackboneSpec, numbers: Preprocessing, width: int) -> str:
    """Return the code; it reads `config.json` and `model.safetensors` from the current folder."""
    build = f"MaskHead({list(spec.channels)}, {spec.strides[0]}, len(labels), {width})"
    model = f"Segmenter(backbone, {build})"
    return _snippet(spec, numbers, (MaskHead, Segmenter), model, [], _SEGMENT)


def _snippet(
    spec: BackboneSpec,
    numbers: Preprocessing,
    parts: Sequence[object],
    model: str,
    imports: Sequence[str],
    use: str,
) -> str:
    texts = [inspect.getsource(part) for part in (letterbox, *parts)]  # type: ignore[arg-type] # classes and functions alone
    on_timm = spec.library == "timm"
    features = "from torchvision.models.feature_extraction import create_feature_extractor"
    lines = [
        "import json",
        "",
        *(["import timm"] if on_timm else []),
        "import torch",
        *([] if on_timm else ["import torchvision"]),
        "from PIL import Image",
        "from safetensors.torch import load_file",
        "from torch import Tensor, nn",
        "from torch.nn import functional as nn_functional",
        *([] if on_timm else [features]),
        *imports,
        "from torchvision.transforms import InterpolationMode",
        "from torchvision.transforms.v2 import functional",
        "",
        f"SIZE = {numbers.image_size}",
    ]
    # Two modules are called functional; the classes use the one of torch.nn.
    classes = [text.replace("functional.", "nn_functional.") for text in texts[1:]]
    body = "\n\n".join([texts[0], *classes])
    mode = f"InterpolationMode.{_MODES[numbers.interpolation]}"
    return "\n".join(
        [
            *lines,
            "",
            "",
            body,
            "",
            f"backbone = {spec.code()}",
            'labels = json.load(open("config.json", encoding="utf-8"))["labels"]',
            f"model = {model}",
            'model.load_state_dict(load_file("model.safetensors"))',
            "model.eval()",
            "",
            "",
            "def prepare(picture):",
            f"    pixels = letterbox(picture, SIZE, {mode}).float() / 255",
            f"    mean, std = {list(numbers.mean)}, {list(numbers.std)}",
            "    return functional.normalize(pixels, mean, std)[None]",
            use,
        ]
    )
