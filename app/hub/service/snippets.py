"""How to use a repository from Python and from a shell, as text to copy."""

from dataclasses import dataclass

from app.core.i18n import _
from app.hub.schemas import RepositoryKind
from app.hub.tables import Repository


@dataclass(frozen=True)
class Snippet:
    """A piece of code under its title."""

    title: str
    code: str


def snippets(repository: Repository, endpoint: str) -> list[Snippet]:
    """Return snippets that work as they stand against the site at `endpoint`."""
    name = f"{repository.owner_name}/{repository.name}"
    is_model = repository.kind is RepositoryKind.MODEL
    option = "" if is_model else " --repo-type dataset"
    code = _model_code(repository.library, name) if is_model else _dataset_code(name)
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
