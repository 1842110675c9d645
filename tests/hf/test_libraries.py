"""Every client that people already have, with HF_ENDPOINT and HF_TOKEN and nothing else."""

from collections.abc import Iterator

import pytest

from app.core.settings import Settings
from tests.conftest import Site
from tests.hf.conftest import Client

_STORY = """
import hashlib, huggingface_hub
from huggingface_hub import snapshot_download
folder = Path("up")
for name, data in {
    "README.md": b"---\\nlicense: mit\\nlibrary_name: timm\\n---\\n# Hi\\n",
    "a/b/c.txt": b"text", "weights.bin": os.urandom(12_000_000), "empty": b"",
}.items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
digest = lambda path: hashlib.sha256(Path(path).read_bytes()).hexdigest()
kinds = {}
for kind in ("model", "dataset"):
    repo = f"ada/{kind}-story"
    api.create_repo(repo, repo_type=kind, private=True)
    api.upload_folder(repo_id=repo, repo_type=kind, folder_path="up", commit_message="Everything")
    api.upload_file(path_or_fileobj=os.urandom(2_000_000), path_in_repo="late.bin", repo_id=repo,
                    repo_type=kind)
    down = Path(snapshot_download(repo, repo_type=kind))
    same = all(digest(p) == digest(down / p.relative_to(folder))
               for p in folder.rglob("*") if p.is_file())
    info = api.repo_info(repo, repo_type=kind, files_metadata=True)
    large = next(s for s in info.siblings if s.rfilename == "weights.bin")
    api.create_tag(repo, repo_type=kind, tag="v1")
    kinds[kind] = [same, large.lfs.sha256 == digest("up/weights.bin"), large.size, info.private,
                   sorted(api.list_repo_files(repo, repo_type=kind, revision="v1"))]
result = {"version": huggingface_hub.__version__, "kinds": kinds}
"""


# What the libraries send, the clients send too; both kinds of store are asked by `make test-slow`.
on_one_store = pytest.mark.parametrize(
    "site", ["directory", pytest.param("s3", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture(params=["directory", "s3"])
def site(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site on each kind of store."""
    if request.param == "s3":
        store: Settings = request.getfixturevalue("s3")
        place = tmp_path_factory.mktemp("prefix").name
        settings = settings.model_copy(
            update={
                "storage_url": store.storage_url.replace("/site?", f"/{place}?"),
                "storage_access_key": store.storage_access_key,
                "storage_secret_key": store.storage_secret_key,
            }
        )
    server = Site(settings)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("version", ["1.19.0", "1.29.0", "2.4.0"])
def test_a_client_stores_and_reads_back(hf: Client, version: str) -> None:
    result = hf(_STORY, client="" if version == "2.4.0" else version)
    files = [".gitattributes", "README.md", "a/b/c.txt", "empty", "late.bin", "weights.bin"]
    assert result["version"] == version
    stored = [True, True, 12_000_000, True, files]
    assert result["kinds"] == {"model": stored, "dataset": stored}


@on_one_store
def test_transformers_pushes_and_loads_the_same_bits(hf: Client) -> None:
    result = hf("""
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, BertTokenizerFast
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
Path("vocab.txt").write_text("\\n".join(words))
tokenizer = BertTokenizerFast("vocab.txt")
model = BertModel(BertConfig(vocab_size=7, hidden_size=32, num_hidden_layers=2,
                             num_attention_heads=2, intermediate_size=64))
model.push_to_hub("ada/bert", private=True)
tokenizer.push_to_hub("ada/bert")
loaded = AutoModel.from_pretrained("ada/bert")
ids = AutoTokenizer.from_pretrained("ada/bert")("good bad").input_ids
ours, theirs = model.state_dict(), loaded.state_dict()
result = [sorted(ours) == sorted(theirs), all(torch.equal(ours[k], theirs[k]) for k in ours), ids,
          sorted(api.list_repo_files("ada/bert"))]
""")
    assert result[:3] == [True, True, [2, 5, 6, 3]]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(result[3])


@on_one_store
def test_timm_pushes_and_loads_the_same_bits(hf: Client) -> None:
    result = hf("""
import timm, torch
model = timm.create_model("test_vit", num_classes=3)
timm.models.push_to_hf_hub(model, "ada/vit", model_config={"label_names": ["a", "b", "c"]})
loaded = timm.create_model("hf-hub:ada/vit", pretrained=True)
ours, theirs = model.state_dict(), loaded.state_dict()
result = [all(torch.equal(ours[k], theirs[k]) for k in ours), loaded.num_classes]
""")
    assert result == [True, 3]


@on_one_store
def test_datasets_pushes_loads_and_streams_the_same_rows(hf: Client) -> None:
    result = hf("""
from datasets import Dataset, load_dataset
texts = [f"row {n} \\u4f60\\u597d" for n in range(500)]
rows = {"text": texts, "label": [n % 3 for n in range(500)]}
made = Dataset.from_dict(rows)
made.push_to_hub("ada/rows", private=True)
whole = load_dataset("ada/rows", split="train")
streamed = load_dataset("ada/rows", split="train", streaming=True)
result = [whole.to_dict() == rows, [row["text"] for row in streamed] == rows["text"]]
""")
    assert result == [True, True]
