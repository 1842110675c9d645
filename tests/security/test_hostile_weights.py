"""Weights and configurations that run code when they are loaded: nothing of them ever runs.

The attacks: a pickle under every name that checkpoints have, also as `model.safetensors`; old
formats of torch, for which "weights only" once was no protection; a checkpoint to resume from that
somebody changed; a configuration that names code in the repository, or a model elsewhere. Each
payload opens a file that must not be there afterwards.
"""

import hashlib
import io
import json
import os
import pickle
import random
import socket
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pydantic import JsonValue

from tests.worker.builders import recipe_values, run, write_images
from worker.contract.failures import FailureCode, RunError
from worker.training.loop import StoppedError

PRETRAINED: JsonValue = {"base": {"weights": "pretrained"}}


class Attack:
    """Opens a file for writing when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.mark), "w")


def _torch(value: object, *, new: bool = True) -> bytes:
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=new)
    return out.getvalue()


def _tar(attack: Attack) -> bytes:
    """The oldest format of torch: a tar of pickles."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            content = pickle.dumps(attack, protocol=2)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _npy(attack: Attack) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([attack], dtype=object), allow_pickle=True)
    return out.getvalue()


KINDS: dict[str, Callable[[Attack], bytes]] = {
    "pickle 0": lambda attack: pickle.dumps(attack, protocol=0),
    "pickle 2": lambda attack: pickle.dumps(attack, protocol=2),
    "pickle 5": lambda attack: pickle.dumps(attack, protocol=5),
    "zip": _torch,
    "zip beside tensors": lambda attack: _torch({"weight": torch.zeros(2), "extra": attack}),
    "before zip": lambda attack: _torch({"weight": attack}, new=False),
    "tar": _tar,
    "numpy": _npy,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path / "data", train=4, test=2)
    return tmp_path


@pytest.fixture
def attack(tmp_path: Path) -> Attack:
    return Attack(tmp_path / "it-ran")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "model.pt", "x.ckpt"])
def test_weights_that_would_run_code_are_refused_and_do_not_run(
    folder: Path, attack: Attack, name: str
) -> None:
    path = folder / name
    for kind, make in KINDS.items():
        path.write_bytes(make(attack))
        with pytest.raises(RunError, match=r"save its tensors as model\.safetensors") as caught:
            run(folder, recipe_values(model=PRETRAINED), weights=path)
        assert caught.value.code == FailureCode.BASE_INVALID, kind
        assert not attack.mark.exists(), kind


def test_damaged_old_weights_are_refused_in_words(folder: Path) -> None:
    whole = _torch({"weight": torch.zeros(100)}, new=False)
    values = recipe_values(model=PRETRAINED)
    for seed in range(40):
        noise = random.Random(seed)
        damaged = bytearray(whole[: noise.randrange(len(whole))])
        for _ in range(min(5, len(damaged))):
            damaged[noise.randrange(len(damaged))] = noise.randrange(256)
        (folder / "old.pt").write_bytes(damaged)
        with pytest.raises(RunError) as caught:
            run(folder, values, weights=folder / "old.pt")
        assert caught.value.code == FailureCode.BASE_INVALID


def test_a_checkpoint_that_would_run_code_is_refused_and_does_not_run(
    folder: Path, attack: Attack
) -> None:
    class AtOnce:
        def should_stop(self) -> bool:
            return True

    with pytest.raises(StoppedError):
        run(folder, recipe_values(), control=AtOnce())
    (checkpoint,) = (folder / "run/out/checkpoints").iterdir()
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    for name in manifest["files"]:
        for kind, make in KINDS.items():
            whole = (checkpoint / name).read_bytes()
            (checkpoint / name).write_bytes(make(attack))
            files = {
                file: hashlib.sha256((checkpoint / file).read_bytes()).hexdigest()
                for file in manifest["files"]
            }
            (checkpoint / "manifest.json").write_text(json.dumps(manifest | {"files": files}))
            with pytest.raises(RunError) as caught:
                run(folder, recipe_values(), out="again", resume_from=checkpoint)
            assert caught.value.code == FailureCode.CHECKPOINT_INVALID, (name, kind)
            assert not attack.mark.exists(), (name, kind)
            (checkpoint / name).write_bytes(whole)


def test_a_configuration_loads_neither_code_nor_a_model_from_elsewhere(
    folder: Path, attack: Attack
) -> None:
    """In a process of its own, in which every hub is a server here that must hear nothing."""
    with socket.create_server(("127.0.0.1", 0)) as hub:
        hub.setblocking(False)
        address = f"http://127.0.0.1:{hub.getsockname()[1]}"
        said = _refused(folder, _recipes(folder, attack), dict.fromkeys(_WAYS_OUT, address))
        with pytest.raises(BlockingIOError):
            hub.accept()
    assert "Traceback" not in said
    assert not attack.mark.exists()


_WAYS_OUT = ("HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY")
_RUN_ALL = """
import sys
from worker.__main__ import main
for recipe in sys.argv[1:]:
    try:
        main(["run", recipe, "--out", recipe + ".out"])
    except SystemExit as end:
        assert end.code, recipe
"""
HOSTILE_CONFIGS: list[dict[str, object]] = [
    {"architecture": "timm/hf-hub:evil", "num_classes": 3},
    {"architecture": "timm/hf_hub:evil", "num_classes": 3},
    {"architecture": "timm/local-dir:evil", "num_classes": 3},
    {
        "model_type": "evil",
        "auto_map": {"AutoConfig": "configuration_evil.C", "AutoModel": "modeling_evil.M"},
        "trust_remote_code": True,
        "attn_implementation": "evil/kernel",
        "_attn_implementation": "evil/kernel",
    },
]


def _recipes(folder: Path, attack: Attack) -> list[Path]:
    """Return a recipe for each base with a hostile configuration, and for a name like one."""
    repos = ["timm/hf-hub:evil"]
    for number, config in enumerate(HOSTILE_CONFIGS):
        base = folder / f"base{number}"
        base.mkdir()
        (base / "config.json").write_text(json.dumps(config))
        for name in ("modeling_evil.py", "configuration_evil.py", "tokenization_evil.py"):
            (base / name).write_text(f"open({str(attack.mark)!r}, 'w')\n")
        repos.append(base.name)
    made = []
    for number, repo in enumerate(repos):
        values = recipe_values(model={"base": {"repo": repo, "weights": "random"}})
        made.append(folder / f"{number}.yaml")
        made[-1].write_text(yaml.safe_dump(values))
    return made


def _refused(folder: Path, recipes: list[Path], environment: dict[str, str]) -> str:
    """Run each recipe and return what was said; each must be refused."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN_ALL, *map(str, recipes)],
        env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("key", ["trust_remote_code", "auto_map", "code_revision"])
def test_no_recipe_can_ask_for_code_of_a_repository(folder: Path, key: str) -> None:
    from worker.contract.recipe_text import RecipeError, recipe_from_values

    for values in (
        recipe_values(model={"base": {key: True}}),
        recipe_values(model={key: True}),
        recipe_values() | {key: True},
    ):
        with pytest.raises(RecipeError, match=key):
            recipe_from_values(values)


def test_torch_is_new_enough_for_its_promise_about_weights() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    wanted = [
        wish for group in project["optional-dependencies"].values() for wish in group
        if wish.startswith("torch>")
    ]  # fmt: skip
    assert wanted
    floors = [wish.split(">=")[1].split(",")[0].split(".") for wish in wanted]
    assert all((int(major), int(minor)) >= (2, 6) for major, minor, *_rest in floors)
