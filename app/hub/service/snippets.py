"""How to use a repository from Python and from a shell, as text to copy."""

import re
from dataclasses import dataclass

from app.core.i18n import _
from app.hub.schemas import RepositoryKind
from app.hub.tables import Repository


@dataclass(frozen=True)
class Snippet:
    """A piece of code under its title."""

    title: str
    code: str


# A heading under which a card shows how it is used.
_USE = re.compile(r"#{1,4}\s+(?:use|usage|how to use|用法|使用)\b", re.IGNORECASE)
_PYTHON = re.compile(r"```\s*(?:python|py)\s*")


def code_of_card(body: str) -> str:
    """Return the first Python code a card shows under a heading about its use; may be empty."""
    is_about_use = False
    code: list[str] | None = None
    for line in body.splitlines():
        if code is not None:
            if line.startswith("```"):
                return "\n".join(code)
            code.append(line)
        elif line.startswith("#"):
            is_about_use = _USE.match(line) is not None
        elif is_about_use and _PYTHON.fullmatch(line):
            code = []
    return ""


def snippets(repository: Repository, endpoint: str, card_code: str = "") -> list[Snippet]:
    """Return snippets that work as they stand against the site at `endpoint`.

    `card_code`, where the card has some, is run in the folder of the downloaded repository. What
    is private or gated says where the access token goes.
    """
    name = f"{repository.owner_name}/{repository.name}"
    is_model = repository.kind is RepositoryKind.MODEL
    path = f"{repository.kind.web_prefix}{name}"
    is_closed = repository.private or bool(repository.gated)
    code = _model_code(repository.library, repository.task, name) if is_model else _data_code(name)
    if card_code and "from_pretrained" not in card_code:
        code = (
            "from huggingface_hub import snapshot_download\n\n"
            f'os.chdir(snapshot_download("{name}"))\n\n{card_code}'
        )
    head = f'import os\n\nos.environ["HF_ENDPOINT"] = "{endpoint}"\n'
    login = ""
    if is_closed:
        what = _("An access token that may read this; make one under Settings.")
        head += f'os.environ.setdefault("HF_TOKEN", "tf_…")  # {what}\n'
        login = "hf auth login\n"
    option = "" if is_model else " --repo-type dataset"
    header = ' -H "Authorization: Bearer $HF_TOKEN"' if is_closed else ""
    clone = f"git lfs install\ngit clone {endpoint}/{path}"
    if is_closed:
        what = _("Git asks for your name and, as the password, an access token.")
        clone = f"# {what}\n{clone}"
    return [
        Snippet(_("In Python"), f"{head}\n{code}"),
        Snippet(
            _("Download with the hub's client"),
            f"export HF_ENDPOINT={endpoint}\n{login}hf download{option} {name}",
        ),
        Snippet(_("Clone with git"), clone),
        Snippet(
            _("One file, with no tool of ours"),
            f"curl -fL{header} -O {endpoint}/{path}/resolve/main/README.md",
        ),
    ]


# Which class of transformers loads a model for a task.
_AUTO_CLASSES = {
    "automatic-speech-recognition": "AutoModelForSpeechSeq2Seq",
    "audio-classification": "AutoModelForAudioClassification",
    "fill-mask": "AutoModelForMaskedLM",
    "image-classification": "AutoModelForImageClassification",
    "image-segmentation": "AutoModelForImageSegmentation",
    "object-detection": "AutoModelForObjectDetection",
    "question-answering": "AutoModelForQuestionAnswering",
    "summarization": "AutoModelForSeq2SeqLM",
    "text-classification": "AutoModelForSequenceClassification",
    "text-generation": "AutoModelForCausalLM",
    "token-classification": "AutoModelForTokenClassification",
    "translation": "AutoModelForSeq2SeqLM",
}


_LIBRARIES = {
    "timm": 'import timm\n\nmodel = timm.create_model("hf-hub:{name}", pretrained=True).eval()',
    "transformers": (
        'from transformers import {loader}\n\nmodel = {loader}.from_pretrained("{name}")'
    ),
    "sentence-transformers": (
        "from sentence_transformers import SentenceTransformer\n\n"
        'model = SentenceTransformer("{name}")'
    ),
    "diffusers": (
        "from diffusers import DiffusionPipeline\n\n"
        'pipeline = DiffusionPipeline.from_pretrained("{name}")'
    ),
    "peft": 'from peft import AutoPeftModel\n\nmodel = AutoPeftModel.from_pretrained("{name}")',
    "safetensors": (
        "from huggingface_hub import hf_hub_download\n"
        "from safetensors.torch import load_file\n\n"
        'weights = load_file(hf_hub_download("{name}", "model.safetensors"))'
    ),
}
_ANY_LIBRARY = (
    'from huggingface_hub import snapshot_download\n\nfolder = snapshot_download("{name}")'
)


def _model_code(library: str, task: str, name: str) -> str:
    loader = _AUTO_CLASSES.get(task, "AutoModel")
    return _LIBRARIES.get(library, _ANY_LIBRARY).format(name=name, loader=loader)


def _data_code(name: str) -> str:
    return f'from datasets import load_dataset\n\ndata = load_dataset("{name}")'
