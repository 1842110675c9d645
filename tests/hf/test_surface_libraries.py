"""What people do with transformers and datasets beyond one push and one load."""

from tests.hf.conftest import Client
from tests.hf.surface import PRELUDE


def test_transformers_works_on_branches_pull_requests_and_shards(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, BertConfig
from transformers import BertForSequenceClassification, BertTokenizerFast, pipeline
from transformers.utils import has_file
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
Path("vocab.txt").write_text("\\n".join(words))
model = BertForSequenceClassification(BertConfig(
    vocab_size=7, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
))
model.push_to_hub("ada/net")
BertTokenizerFast("vocab.txt").push_to_hub("ada/net")
label = pipeline("text-classification", model="ada/net")("good bad")[0]["label"]
before = model.classifier.weight.clone()
with torch.no_grad():
    model.classifier.weight.add_(1)
model.push_to_hub("ada/net", revision="experiment")
proposed = model.push_to_hub("ada/net", create_pr=True)
model.push_to_hub("ada/shards", max_shard_size="8KB")
def weights(name, **options):
    return AutoModelForSequenceClassification.from_pretrained(name, **options).classifier.weight
now = model.classifier.weight
info = api.model_info("ada/net")
result = {
    "label": label.startswith("LABEL_"),
    "main": torch.equal(weights("ada/net"), before),
    "branch": torch.equal(weights("ada/net", revision="experiment"), now),
    "proposed": [proposed.pr_num, torch.equal(weights("ada/net", revision="refs/pr/1"), now)],
    "shards": [torch.equal(weights("ada/shards"), now),
               api.get_safetensors_metadata("ada/shards").sharded,
               api.model_info("ada/shards").safetensors.total == sum(
                   p.numel() for p in model.parameters())],
    "has": [has_file("ada/net", "config.json"), has_file("ada/net", "absent.json")],
    "info": [info.library_name, info.config["model_type"], info.pipeline_tag],
    "errors": [outcome(lambda: AutoConfig.from_pretrained("ada/absent")),
               outcome(lambda: AutoConfig.from_pretrained("ada/net", revision="absent"))],
}
"""
    )
    assert result == {
        "label": True,
        "main": True,
        "branch": True,
        "proposed": [1, True],
        "shards": [True, True, True],
        "has": [True, False],
        "info": ["transformers", "bert", "text-classification"],
        "errors": ["OSError", "OSError"],
    }


def test_datasets_are_pushed_in_parts_and_read_in_every_way(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
from datasets import Dataset, DatasetDict, get_dataset_config_names, get_dataset_split_names
from datasets import load_dataset
rows = Dataset.from_dict({"a": list(range(50)), "t": [str(i) for i in range(50)]})
rows.push_to_hub("ada/data")
rows.push_to_hub("ada/data", split="test", num_shards=3)
shards = [f for f in api.list_repo_files("ada/data", repo_type="dataset") if "test" in f]
rows.select(range(10)).push_to_hub("ada/data", split="test")
rows.push_to_hub("ada/data", config_name="second")
proposed = rows.select(range(3)).push_to_hub("ada/data", create_pr=True)
DatasetDict(train=rows, validation=rows.select(range(5))).push_to_hub("ada/two", private=True)
api.create_repo("ada/raw", repo_type="dataset")
api.upload_file(path_or_fileobj=b'{"x": 1}\\n{"x": 2}\\n', path_in_repo="f/d.jsonl",
                repo_id="ada/raw", repo_type="dataset")
stream = load_dataset("ada/data", streaming=True, split="train")
result = {
    "shards": len(shards),
    "sizes": {k: len(v) for k, v in load_dataset("ada/data").items()},
    "configs": sorted(get_dataset_config_names("ada/data")),
    "splits": sorted(get_dataset_split_names("ada/data")),
    "proposed": [proposed.pr_num, len(load_dataset("ada/data", revision="refs/pr/1")["train"])],
    "private": {k: len(v) for k, v in load_dataset("ada/two").items()},
    "stream": [row["a"] for row in stream.take(3)],
    "files": [load_dataset(*path, **more)["train"]["x"][:] for path, more in (
        (["ada/raw"], {}), (["ada/raw"], {"data_files": "f/*.jsonl"}),
        (["ada/raw"], {"data_dir": "f"}),
        (["json"], {"data_files": "hf://datasets/ada/raw/f/d.jsonl"}),
    )],
    "card": "configs" in api.dataset_info("ada/data").card_data.to_dict(),
    "absent": outcome(lambda: load_dataset("ada/absent")),
}
"""
    )
    assert result == {
        "shards": 3,
        "sizes": {"train": 50, "test": 10},
        "configs": ["default", "second"],
        "splits": ["test", "train"],
        "proposed": [1, 3],
        "private": {"train": 50, "validation": 5},
        "stream": [0, 1, 2],
        "files": [[1, 2]] * 4,
        "card": True,
        "absent": "DatasetNotFoundError",
    }


def test_a_folder_of_images_is_a_data_set(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
from PIL import Image
from datasets import load_dataset
for split in ("train", "test"):
    for label in ("cat", "dog"):
        folder = Path("images") / split / label
        folder.mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (8, 8), (number * 100, 0, 0)).save(folder / f"{number}.png")
api.create_repo("ada/images", repo_type="dataset")
api.upload_folder(repo_id="ada/images", repo_type="dataset", folder_path="images")
loaded = load_dataset("ada/images")
first = next(iter(load_dataset("ada/images", split="test", streaming=True)))
result = [len(loaded["train"]), loaded["train"].features["label"].names,
          list(loaded["train"][0]["image"].size), first["label"]]
"""
    )
    assert result == [4, ["cat", "dog"], [8, 8], 0]
