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

    `card_code`, where the card has some, is run in the folder of the downloaded repository.
    """
    name = f"{repository.owner_name}/{repository.name}"
    is_model = repository.kind is RepositoryKind.MODEL
    option = "" if is_model else " --repo-type dataset"
    code = _model_code(repository.library, name) if is_model else _dataset_code(name)
    if card_code and "from_pretrained" not in card_code:
        code = (
            "from huggingface_hub import snapshot_download\n\n"
            f'os.chdir(snapshot_download("{name}"))\n\n{card_code}'
        )
    head = f'import os\n\nos.environ["HF_ENDPOINT"] = "{endpoint}"\n'
    found = [
        Snippet(_("In Python"), head + code),
        Snippet(
            _("Download with the hub's client"),
            f"HF_ENDPOINT={endpoint} hf download{option} {name}",
        ),
    ]
    if repository.private:
        login = _("Private: set HF_TOKEN to an access token that may read it.")
        found[0] = Snippet(found[0].title, f"# {login}\n{found[0].code}")
    return found


def _model_code(library: str, name: str) -> str:
    if library == "timm":
        return f'import timm\n\nmodel = timm.create_model("hf-hub:{name}", pretrained=True).eval()'
    if library == "transformers":
        return f'from transformers import AutoModel\n\nmodel = AutoModel.from_pretrained("{name}")'
    if library == "sentence-transformers":
        return (
            "from sentence_transformers import SentenceTransformer\n\n"
            f'model = SentenceTransformer("{name}")'
        )
    return (
        "from huggingface_hub import hf_hub_download\n"
        "from safetensors.torch import load_file\n\n"
        f'path = hf_hub_download("{name}", "model.safetensors")\n'
        "weights = load_file(path)"
    )


def _dataset_code(name: str) -> str:
    return f'from datasets import load_dataset\n\ndata = load_dataset("{name}")'
