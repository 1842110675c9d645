"""The Python text on a card that loads the model with torch and its library only."""

from collections.abc import Sequence

from worker.contract.bases import PinnedBase, Preprocessing
from worker.modeling.layers import Replacement

_MODES = {"nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC"}


def usage_snippet(
    base: PinnedBase, preprocessing: Preprocessing, replacements: Sequence[Replacement] = ()
) -> str:
    """Return the code; it reads `config.json` and `model.safetensors` from the current folder."""
    size = preprocessing.image_size
    short_side = round(size / preprocessing.crop_pct)
    mode = f"InterpolationMode.{_MODES[preprocessing.interpolation]}"
    if base.library == "torchvision":
        library = "import torchvision"
        build = f'torchvision.models.get_model("{base.architecture}", weights=None)'
    else:
        library, build = (
            "import timm",
            f'timm.create_model("{base.architecture}", pretrained=False)',
        )
    lines = [
        "import json",
        "",
        library,
        "import torch",
        "from PIL import Image",
        "from safetensors.torch import load_file",
        "from torch import nn" if replacements else None,
        "from torchvision.transforms import InterpolationMode, v2",
        "",
        f"model = {build}",
        *(item.code() for item in replacements),
        'model.load_state_dict(load_file("model.safetensors"))',
        "model.eval()",
        'labels = json.load(open("config.json", encoding="utf-8"))["labels"]',
        "prepare = v2.Compose([",
        f"    v2.Resize({short_side}, interpolation={mode}),",
        f"    v2.CenterCrop({size}),",
        "    v2.PILToTensor(),",
        "    v2.ToDtype(torch.float32, scale=True),",
        f"    v2.Normalize({list(preprocessing.mean)}, {list(preprocessing.std)}),",
        "])",
        "",
        "",
        "def classify(path):",
        '    image = prepare(Image.open(path).convert("RGB"))',
        "    with torch.inference_mode():",
        "        probabilities = model(image[None]).softmax(1)[0]",
        "    best = int(probabilities.argmax())",
        "    return labels[best], float(probabilities[best])",
    ]
    return "\n".join(line for line in lines if line is not None) + "\n"


def regression_snippet(
    base: PinnedBase, preprocessing: Preprocessing, replacements: Sequence[Replacement] = ()
) -> str:
    """Return the code for a network of one number; it reads the same two files."""
    text = usage_snippet(base, preprocessing, replacements).partition("\n\n\ndef classify")[0]
    lines = [line for line in text.split("\n") if not line.startswith("labels = ")]
    lines += [
        'config = json.load(open("config.json", encoding="utf-8"))',
        "",
        "",
        "def estimate(path):",
        '    image = prepare(Image.open(path).convert("RGB"))',
        "    with torch.inference_mode():",
        "        value = float(model(image[None])[0, 0])",
        '    return value * config["target_std"] + config["target_mean"]',
    ]
    return "\n".join(lines) + "\n"


def joined_snippet(
    base: PinnedBase, preprocessing: Preprocessing, replacements: Sequence[Replacement] = ()
) -> str:
    """Return the code for a network of several tasks; it reads the same two files."""
    text = usage_snippet(base, preprocessing, replacements).partition("\n\n\ndef classify")[0]
    lines = [line for line in text.split("\n") if not line.startswith("labels = ")]
    lines += [
        'tasks = json.load(open("config.json", encoding="utf-8"))["tasks"]',
        "",
        "",
        "def answers(path):",
        '    image = prepare(Image.open(path).convert("RGB"))',
        "    with torch.inference_mode():",
        "        outputs = model(image[None])[0]",
        "    found = {}",
        "    for task in tasks:",
        '        start, labels = task["start"], task["labels"]',
        "        if labels:",
        "            best = int(outputs[start : start + len(labels)].argmax())",
        '            found[task["name"]] = labels[best]',
        "        else:",
        '            found[task["name"]] = float(outputs[start]) * task["std"] + task["mean"]',
        "    return found",
    ]
    return "\n".join(lines) + "\n"
