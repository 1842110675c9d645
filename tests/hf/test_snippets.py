"""Every "use this" snippet of a page, copied from the page and run."""

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import Site
from tests.hf.conftest import Client

_FILL = """
api.create_repo("ada/{name}", private={private})
card = "---\\nlibrary_name: {library}\\nlicense: mit\\n---\\n# x\\n"
{content}
api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id="ada/{name}")
"""
_CONTENT = {
    "timm": (
        'import timm\nnet = timm.create_model("test_vit", num_classes=3)\n'
        'timm.models.push_to_hf_hub(net, "ada/{name}", model_config={{"num_classes": 3}})'
    ),
    "safetensors": (
        "import numpy\nfrom safetensors.numpy import save_file\n"
        'save_file({{"a": numpy.zeros(2)}}, "model.safetensors")\n'
        'api.upload_file(path_or_fileobj="model.safetensors", path_in_repo="model.safetensors",'
        ' repo_id="ada/{name}")'
    ),
    "other": "",
}


def _snippets(site: Site, path: str, token: str) -> list[str]:
    page = httpx.get(f"{site.url}{path}", headers={"Authorization": f"Bearer {token}"})
    page.raise_for_status()
    found = re.findall(r'<code id="snippet-\d+">(.*?)</code>', page.text, re.DOTALL)
    return [html.unescape(code) for code in found]


def _run(
    command: list[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    # The tools lie beside the Python that runs the tests; git shall not ask on any terminal.
    tools = f"{Path(sys.executable).parent}:{environment['PATH']}"
    env = environment | {"PATH": tools, "GIT_TERMINAL_PROMPT": "0"}
    env.pop("HF_ENDPOINT")
    return subprocess.run(
        command, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=110
    )


@pytest.mark.parametrize(
    "library", [pytest.param("timm", marks=pytest.mark.slow), "safetensors", "other"]
)
def test_every_snippet_of_a_model_runs(
    hf: Client, site: Site, environment: dict[str, str], tmp_path: Path, library: str, token: str
) -> None:
    name, private = f"of-{library}", library == "safetensors"
    content = _CONTENT[library].format(name=name)
    hf(_FILL.format(name=name, private=private, library=library, content=content))
    Path(environment["HOME"]).mkdir(exist_ok=True)
    python, client, clone, curl = _snippets(site, f"/ada/{name}", token)
    used = _run([sys.executable, "-c", python], environment, tmp_path)
    assert used.returncode == 0, used.stderr[-3000:]
    assert ("HF_TOKEN" in python) is private
    # Where a person would type the token, the environment has it already.
    shell = client.replace("hf auth login", 'hf auth login --token "$HF_TOKEN"')
    assert ("hf auth login" in client) is private
    address = site.url.replace("http://", f"http://ada:{token}@")
    cloned = clone.replace(f"git clone {site.url}", f"git clone {address}") if private else clone
    for code in (shell, cloned, curl):
        done = _run([shutil.which("bash") or "bash", "-ec", code], environment, tmp_path)
        assert done.returncode == 0, (code, done.stdout[-2000:], done.stderr[-2000:])
    assert (tmp_path / "README.md").read_text() == (tmp_path / name / "README.md").read_text()
