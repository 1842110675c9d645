"""Files through the stock client: downloads of every manner, its file system, cards and mixins."""

from tests.hf.conftest import Client
from tests.hf.surface import PRELUDE

_FILES = """
api.create_repo("ada/net")
api.create_commit("ada/net", [
    Add("config.json", b'{"a": 1}'), Add("sub/x.txt", b"x"), Add("sub/deep/y.txt", b"y"),
    Add("big.bin", os.urandom(3_000_000)), Add("odd/a b#c?.txt", b"odd"),
    Add("odd/\\u00e9\\u4e2d.txt", b"u"),
], commit_message="files")
sha = api.model_info("ada/net").sha
"""


def test_a_file_is_fetched_in_every_manner(hf: Client) -> None:
    result = hf(
        PRELUDE
        + _FILES
        + """
from huggingface_hub import _CACHED_NO_EXIST, get_hf_file_metadata, hf_hub_url
from huggingface_hub import try_to_load_from_cache
dry = hf_hub_download("ada/net", "sub/x.txt", dry_run=True)
first = hf_hub_download("ada/net", "config.json")
absent = outcome(lambda: hf_hub_download("ada/net", "absent.json"))
large = get_hf_file_metadata(hf_hub_url("ada/net", "big.bin"))
hf_hub_download("ada/net", "big.bin", local_dir="here")
stamp = Path("here/big.bin").stat().st_mtime_ns
hf_hub_download("ada/net", "big.bin", local_dir="here")
result = {
    "dry": [dry.will_download, dry.file_size, dry.commit_hash == sha],
    "again": hf_hub_download("ada/net", "config.json", local_files_only=True) == first,
    "short": hf_hub_download("ada/net", "config.json", revision=sha[:8]) == first,
    "folder": Path(hf_hub_download("ada/net", "x.txt", subfolder="sub")).read_text(),
    "odd": [Path(hf_hub_download("ada/net", f"odd/{name}")).read_text()
            for name in ("a b#c?.txt", "\\u00e9\\u4e2d.txt")],
    "remembered": try_to_load_from_cache("ada/net", "absent.json") is _CACHED_NO_EXIST,
    "metadata": [large.commit_hash == sha, large.size, len(large.etag)],
    "untouched": Path("here/big.bin").stat().st_mtime_ns == stamp,
    "errors": [absent] + [outcome(call) for call in (
        lambda: hf_hub_download("ada/net", "sub"),
        lambda: hf_hub_download("ada/net", "config.json", revision="absent"),
        lambda: hf_hub_download("ada/absent", "config.json"),
    )],
}
"""
    )
    assert result == {
        "dry": [True, 1, True],
        "again": True,
        "short": True,
        "folder": "x",
        "odd": ["odd", "u"],
        "remembered": True,
        "metadata": [True, 3_000_000, 64],
        "untouched": True,
        "errors": [
            "RemoteEntryNotFoundError 404",
            "RemoteEntryNotFoundError 404",
            "RevisionNotFoundError 404",
            "RepositoryNotFoundError 404",
        ],
    }


def test_a_half_file_is_completed_and_checksums_agree(hf: Client) -> None:
    result = hf(
        PRELUDE
        + _FILES
        + """
import shutil
from huggingface_hub import get_hf_file_metadata, hf_hub_url
path = hf_hub_download("ada/net", "big.bin")
whole = Path(path).read_bytes()
etag = get_hf_file_metadata(hf_hub_url("ada/net", "big.bin")).etag
cache = Path(os.environ["HF_HOME"]) / "hub" / "models--ada--net"
shutil.rmtree(cache)
(cache / "blobs").mkdir(parents=True)
(cache / "blobs" / f"{etag}.incomplete").write_bytes(whole[:1_000_000])
again = Path(hf_hub_download("ada/net", "big.bin")).read_bytes() == whole
snapshot_download("ada/net", local_dir="all")
checked = api.verify_repo_checksums("ada/net", local_dir="all")
some = snapshot_download("ada/net", allow_patterns=["sub/*"], local_dir="some")
found = sorted(p.name for p in Path(some).rglob("*.*") if ".cache" not in p.parts and p.is_file())
result = [again, len(checked.mismatches), len(checked.missing_paths), found]
"""
    )
    assert result == [True, 0, 0, ["x.txt", "y.txt"]]


def test_the_file_system_reads_writes_copies_and_removes(hf: Client) -> None:
    result = hf(
        PRELUDE
        + _FILES
        + """
fs = HfFileSystem()
root = "ada/net"
api.create_branch(root, branch="feat/q")
fs.pipe_file(f"{root}@feat%2Fq/z.txt", b"on a branch")
with fs.open(f"{root}/w/new.txt", "w") as new:
    new.write("hi")
fs.cp_file(f"{root}/big.bin", f"{root}/w/big.bin")
fs.mv(f"{root}/w/new.txt", f"{root}/w/moved.txt")
with fs.open(f"{root}/big.bin") as big:
    big.seek(-10, 2)
    tail = len(big.read())
result = {
    "listed": sorted(fs.ls(root, detail=False)),
    "glob": sorted(fs.glob(f"{root}/**/*.txt")),
    "kinds": [fs.isdir(f"{root}/sub"), fs.isfile(f"{root}/config.json"), fs.exists("ada/absent")],
    "commit": fs.ls(root, expand_info=True)[0]["last_commit"] is not None,
    "read": [fs.read_text(f"{root}/w/moved.txt"), fs.read_text(f"{root}@feat%2Fq/z.txt"), tail],
    "copied": fs.info(f"{root}/w/big.bin")["size"],
    "at": fs.isfile(f"{root}@{sha}/config.json"),
}
fs.rm(f"{root}/w", recursive=True)
result["gone"] = fs.exists(f"{root}/w")
result["errors"] = [outcome(lambda: fs.ls(path)) for path in (
    f"{root}/absent", "ada/absent", f"{root}@absent")]
"""
    )
    assert result["listed"] == [
        "ada/net/.gitattributes", "ada/net/big.bin", "ada/net/config.json", "ada/net/odd",
        "ada/net/sub", "ada/net/w",
    ]  # fmt: skip
    assert result["glob"] == [
        "ada/net/odd/a b#c?.txt", "ada/net/odd/é中.txt", "ada/net/sub/deep/y.txt",
        "ada/net/sub/x.txt", "ada/net/w/moved.txt",
    ]  # fmt: skip
    assert result["kinds"] == [True, True, False]
    assert result["read"] == ["hi", "on a branch", 10]
    assert (result["commit"], result["copied"], result["at"]) == (True, 3_000_000, True)
    assert result["gone"] is False
    assert result["errors"] == ["FileNotFoundError"] * 3


def test_cards_are_checked_pushed_and_changed(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
from huggingface_hub import DatasetCard, ModelCard, RepoCard, metadata_update
def problem(call):
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""
api.create_repo("ada/net")
api.create_repo("ada/data", repo_type="dataset")
ModelCard("---\\nlicense: mit\\ntags: [a]\\n---\\n# x").push_to_hub("ada/net")
DatasetCard("---\\nlanguage: en\\npretty_name: Hi\\n---\\nx").push_to_hub("ada/data")
metadata_update("ada/net", {"pipeline_tag": "fill-mask"})
kept = problem(lambda: metadata_update("ada/net", {"license": "apache-2.0"}))
metadata_update("ada/net", {"license": "apache-2.0"}, overwrite=True)
info = api.model_info("ada/net")
wrong = "---\\nlicense: nonsense\\n---\\n"
result = {
    "info": [info.pipeline_tag, info.card_data.license],
    "tags": sorted({"a", "license:apache-2.0"} & set(info.tags)),
    "data": DatasetCard.load("ada/data").data.pretty_name,
    "kept": bool(kept),
    "checked": problem(lambda: RepoCard(wrong).validate(repo_type="model")).split(" of")[0],
    "refused": "license" in problem(lambda: api.upload_file(
        path_or_fileobj=wrong.encode(), path_in_repo="README.md", repo_id="ada/net")),
    "index": bool(problem(lambda: RepoCard("---\\nmodel-index: foo\\n---\\n").validate())),
    "fine": problem(lambda: RepoCard("\\n\\n---\\nlicense: mit\\n---\\n").validate()),
}
"""
    )
    assert result == {
        "info": ["fill-mask", "apache-2.0"],
        "tags": ["a", "license:apache-2.0"],
        "data": "Hi",
        "kept": True,
        # A client shows the answer's text as it came, so the sentence must not hide in JSON.
        "checked": '- Error: "license" must be one',
        "refused": True,
        "index": True,
        "fine": "",
    }


def test_a_folder_obeys_its_rules_on_the_way_up(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
api.create_repo("ada/net")
for path in (".git/x", ".git_not/x", "keep.log", "x.log", "build/o", "a/1.txt", "a/2.py"):
    (Path("up") / path).parent.mkdir(parents=True, exist_ok=True)
    (Path("up") / path).write_text(path)
(Path("up") / ".gitignore").write_text("*.log\\n!keep.log\\nbuild/\\n")
api.upload_folder(repo_id="ada/net", folder_path="up", ignore_patterns="*.py")
first = sorted(api.list_repo_files("ada/net"))
api.upload_folder(
    repo_id="ada/net", folder_path="up", path_in_repo="a", allow_patterns="none",
    delete_patterns="*.txt",
)
result = [first, sorted(api.list_repo_files("ada/net"))]
"""
    )
    first = [".git_not/x", ".gitattributes", ".gitignore", "a/1.txt", "keep.log"]
    assert result == [first, [path for path in first if path != "a/1.txt"]]


def test_a_scheduler_commits_what_a_program_writes(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
from huggingface_hub import CommitScheduler
folder = Path("log")
folder.mkdir()
scheduler = CommitScheduler(
    repo_id="ada/log", repo_type="dataset", folder_path=folder, every=1000, squash_history=True
)
for line in ("one\\n", "two\\n"):
    with scheduler.lock, (folder / "lines.txt").open("a") as file:
        file.write(line)
    scheduler.trigger().result()
scheduler.stop()
path = hf_hub_download("ada/log", "lines.txt", repo_type="dataset")
result = [Path(path).read_text(), len(api.list_repo_commits("ada/log", repo_type="dataset"))]
"""
    )
    assert result == ["one\ntwo\n", 1]


def test_a_mixin_pushes_a_network_that_loads_and_is_described(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
import torch
from huggingface_hub import PyTorchModelHubMixin
class Net(torch.nn.Module, PyTorchModelHubMixin, library_name="ours", tags=["small"]):
    def __init__(self, width=4):
        super().__init__()
        self.layer = torch.nn.Linear(width, 2)
net = Net(width=5)
net.push_to_hub("ada/net")
same = torch.equal(net.layer.weight, Net.from_pretrained("ada/net").layer.weight)
info = api.model_info("ada/net")
weights = api.get_safetensors_metadata("ada/net")
result = [same, info.library_name, "small" in info.tags, info.safetensors.total,
          weights.parameter_count]
"""
    )
    assert result == [True, "ours", True, 12, {"F32": 12}]
