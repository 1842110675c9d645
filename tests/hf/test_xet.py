"""The stock client sends and fetches by Xet: what changed is what moves and what is stored."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.core.settings import Settings
from tests.conftest import Site
from tests.hf.conftest import Client

_SIZE = 40_000_000
_MADE = f"""
import random
rng = random.Random(7)
data = bytearray(rng.randbytes({_SIZE}))
Path("a.bin").write_bytes(data)
data[20_000_000:20_400_000] = rng.randbytes(400_000)
Path("b.bin").write_bytes(data)
"""
_SEND = """
api.create_repo("ada/net", exist_ok=True)
api.upload_file(path_or_fileobj="{0}.bin", path_in_repo="w.bin", repo_id="ada/net")
"""


@pytest.fixture(params=["directory", "s3"])
def site(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Site]:
    """A site on either store."""
    if request.param == "s3":
        s3: Settings = request.getfixturevalue("s3")
        names = ("storage_url", "storage_access_key", "storage_secret_key")
        settings = settings.model_copy(update={name: getattr(s3, name) for name in names})
    server = Site(settings)
    server.start()
    yield server
    server.stop()


async def _stored(site: Site) -> int:
    return sum(
        [one.size async for batch in site.app.state.storage.objects("xorb") for one in batch]
    )


@pytest.mark.parametrize("is_other_machine", [False, True])
async def test_a_second_upload_with_one_percent_changed_costs_one_percent(
    hf: Client, site: Site, tmp_path: Path, *, is_other_machine: bool
) -> None:
    hf(_MADE + _SEND.format("a"))
    before = await _stored(site)
    home = {"HF_HOME": str(tmp_path / "elsewhere")} if is_other_machine else {}
    result = hf(
        _SEND.format("b")
        + """
from huggingface_hub import hf_hub_download
file = Path(hf_hub_download("ada/net", "w.bin", local_dir="down"))
result = file.read_bytes() == Path("b.bin").read_bytes()
""",
        **home,
    )
    added = await _stored(site) - before
    assert result is True
    assert before >= _SIZE
    assert 0 < added <= 0.02 * _SIZE


def test_the_client_fetches_bundles_and_any_other_the_same_bytes(hf: Client, site: Site) -> None:
    result = hf(_MADE + _SEND.format("a") + "result = True")
    head = httpx.head(f"{site.url}/ada/net/resolve/main/w.bin")
    part = httpx.get(
        f"{site.url}/ada/net/resolve/main/w.bin", headers={"Range": "bytes=9999990-10000009"}
    )
    same = hf(
        """
from huggingface_hub import hf_hub_download
xet = Path(hf_hub_download("ada/net", "w.bin", local_dir="x")).read_bytes()
result = [xet == Path("a.bin").read_bytes(), xet[9999990:10000010].hex()]
"""
    )
    assert result is True
    assert len(head.headers["x-xet-hash"]) == 64
    assert same == [True, part.content.hex()]


def test_a_file_inside_the_browser_and_git_is_the_same_though_it_lies_in_bundles(
    hf: Client, site: Site
) -> None:
    """Whatever reads a large file reads it from wherever it lies: here the plain download."""
    same = hf(
        _MADE
        + _SEND.format("a")
        + """
os.environ["HF_HUB_DISABLE_XET"] = "1"
import huggingface_hub.constants
huggingface_hub.constants.HF_HUB_DISABLE_XET = True
from huggingface_hub import hf_hub_download
result = Path(hf_hub_download("ada/net", "w.bin", local_dir="p")).read_bytes() == bytes(
    Path("a.bin").read_bytes()
)
"""
    )
    assert same is True
