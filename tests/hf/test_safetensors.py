"""What weights hold, read by the stock client from headers alone."""

from tests.hf.conftest import Client

_MADE = """
import numpy
from safetensors.numpy import save_file
api.create_repo("ada/net")
tensors = {"a": numpy.zeros((3, 4), "float32"), "b": numpy.zeros(5, "float16")}
save_file(tensors, "model.safetensors", metadata={"format": "pt"})
"""


def test_a_single_file_tells_its_parameters(hf: Client) -> None:
    result = hf(
        _MADE
        + """
api.upload_file(path_or_fileobj="model.safetensors", path_in_repo="model.safetensors",
                repo_id="ada/net")
meta = api.get_safetensors_metadata("ada/net")
info = api.model_info("ada/net").safetensors
result = [meta.parameter_count, info.total, info.parameters]
api.delete_file("model.safetensors", "ada/net")
result.append(api.model_info("ada/net").safetensors)
"""
    )
    counts = {"F32": 12, "F16": 5}
    assert result == [counts, 17, counts, None]


def test_all_shards_are_read_in_one_request(hf: Client) -> None:
    result = hf(
        _MADE
        + """
names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
for name, tensor in zip(names, "cd"):
    save_file({tensor: numpy.zeros((2, 2), "float32")}, f"up-{name}")
index = {"metadata": {"total_size": 32}, "weight_map": dict(zip("cd", names))}
from huggingface_hub import CommitOperationAdd as Add
api.create_commit("ada/net", commit_message="m", operations=[
    *(Add(name, f"up-{name}") for name in names),
    Add("model.safetensors.index.json", json.dumps(index).encode()),
])
meta = api.get_sharded_safetensors_metadata("ada/net")
info = api.model_info("ada/net").safetensors
result = [meta.parameter_count, sorted(meta.weight_map), meta.metadata, info.total]
"""
    )
    assert result == [{"F32": 8}, ["c", "d"], {"total_size": 32}, 8]
