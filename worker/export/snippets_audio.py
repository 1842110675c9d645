"""The Python texts on the cards of models that hear: torch, soundfile and their library."""

import inspect
from collections.abc import Sequence

import worker.data.mel
from worker.contract.bases import PinnedBase
from worker.modeling.layers import Replacement
from worker.modeling.nets import LIBRARY, audio_cnn, source_of, speech_ctc

_CLASSIFY = """
config = json.load(open("config.json", encoding="utf-8"))
audio, labels = config["audio"], config["labels"]
model.load_state_dict(load_file("model.safetensors"))
model.eval()


def classify(path):
    wave = read_sound(open(path, "rb").read(), audio["rate"])
    picture = log_mel(wave, audio["rate"], audio["n_mels"])
    width = round(audio["seconds"] * 100)
    spare = picture.shape[1] - width
    if spare > 0:
        picture = picture[:, spare // 2 : spare // 2 + width]
    picture = torch.nn.functional.pad(picture, (0, width - picture.shape[1]))[None, None]
SHAPE    with torch.inference_mode():
        probabilities = model(picture).softmax(1)[0]
    best = int(probabilities.argmax())
    return labels[best], float(probabilities[best])
"""
_AS_IMAGE = """    picture = torch.nn.functional.interpolate(
        picture, (audio["side"],) * 2, mode="bilinear", align_corners=False
    ).expand(-1, 3, -1, -1)
"""


def mel_source() -> str:
    """Return the text that reads recordings and makes pictures of them."""
    return source_of(worker.data.mel)


def sound_snippet(base: PinnedBase, side: int | None, replacements: Sequence[Replacement]) -> str:
    """Return the code; it reads `config.json` and `model.safetensors` from the current folder."""
    own = base.library == LIBRARY
    if own:
        library, build = source_of(audio_cnn), "AudioCnn()"
    elif base.library == "torchvision":
        library = "import torchvision"
        build = f'torchvision.models.get_model("{base.architecture}", weights=None)'
    else:
        library = "import timm"
        build = f'timm.create_model("{base.architecture}", pretrained=False)'
    heading = ["import json", "", "from safetensors.torch import load_file", "from torch import nn"]
    surgery = [item.code() for item in replacements]
    body = _CLASSIFY.replace("SHAPE", "" if side is None else _AS_IMAGE)
    return "\n".join([*heading, mel_source(), library, "", f"model = {build}", *surgery]) + body


_TRANSCRIBE = """
config = json.load(open("config.json", encoding="utf-8"))
audio, characters = config["audio"], config["characters"]
model = SpeechCtc(len(characters) + 1, audio["n_mels"])
model.load_state_dict(load_file("model.safetensors"))
model.eval()


def transcribe(path):
    wave = read_sound(open(path, "rb").read(), audio["rate"], audio["seconds"])
    picture = log_mel(wave, audio["rate"], audio["n_mels"])[None]
    with torch.inference_mode():
        scores, _ = model(picture, torch.tensor([picture.shape[2]]))
    text, last = "", 0
    for number in scores[0].argmax(1).tolist():
        if number and number != last:
            text += characters[number - 1]
        last = number
    return " ".join(text.split())
"""


def speech_snippet() -> str:
    """Return the code; it reads `config.json` and `model.safetensors` from the current folder."""
    heading = ["import json", "", "from safetensors.torch import load_file", "from torch import nn"]
    return "\n".join([*heading, mel_source(), source_of(speech_ctc)]) + _TRANSCRIBE


_DICTATE = """

extractor = WhisperFeatureExtractor.from_pretrained(".")
tokenizer = AutoTokenizer.from_pretrained(".")
model = WhisperForConditionalGeneration.from_pretrained(".").eval()


def transcribe(path):
    wave = read_sound(open(path, "rb").read(), extractor.sampling_rate, extractor.chunk_length)
    heard = extractor(
        wave.numpy(), sampling_rate=extractor.sampling_rate, return_tensors="pt"
    )
    with torch.inference_mode():
        tokens = model.generate(heard["input_features"])
    return tokenizer.decode(tokens[0], skip_special_tokens=True).strip()
"""
_FOR_DICTATION = """import io
import math

import soundfile
import torch
from torch import Tensor
from transformers import AutoTokenizer, WhisperFeatureExtractor, WhisperForConditionalGeneration

"""


def whisper_snippet() -> str:
    """Return the code; it reads everything from the current folder."""
    mel = worker.data.mel
    parts = (inspect.getsource(mel.read_sound), inspect.getsource(mel.resample))
    return _FOR_DICTATION + "\n" + "\n\n".join(parts) + _DICTATE
