"""Files that run code when they are loaded: named as such, and never loaded by the site."""

import io
import pickle
import zipfile

import pytest

from app.hub.formats import may_run_code


class _Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("it ran",)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(_Attack()))
    return out.getvalue()


BY_NAME = [
    "model.pt", "model.pth", "pytorch_model.bin", "model.ckpt", "model.pkl", "model.joblib",
    "model.h5", "model.keras", "model.onnx", "weights.npy", "x.npz", "a.dill", "a.PT",
    "A.PKL", "modeling.py", "run.sh", "saved_model.pb", "a.tar",
]  # fmt: skip
BY_CONTENT = {
    "notes.txt": pickle.dumps(_Attack(), protocol=4),
    "picture.png": pickle.dumps(_Attack(), protocol=2),
    "weights.safetensors.bak": archive(),
    "data.csv": b"\x89HDF\r\n\x1a\n rest",
    "README": b"#!/bin/sh\nrm -r /",
    "tool": b"\x7fELF rest",
}
HARMLESS = ["model.safetensors", "README.md", "config.json", "data.parquet", "cat.png", "a.csv"]


@pytest.mark.parametrize("name", BY_NAME)
def test_a_format_that_can_carry_code_is_named_so(name: str) -> None:
    assert may_run_code(name)


@pytest.mark.parametrize("name", BY_CONTENT)
def test_another_name_hides_nothing(name: str) -> None:
    assert may_run_code(name, BY_CONTENT[name])


@pytest.mark.parametrize("name", HARMLESS)
def test_a_format_that_cannot_carry_code_has_no_remark(name: str) -> None:
    assert not may_run_code(name, b"{}")
