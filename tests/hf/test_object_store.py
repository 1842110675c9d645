"""The stock client against a site whose bytes lie in an S3 store."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.core.settings import Settings
from tests.conftest import Site, serving
from tests.factories.s3 import s3_server, stored_in
from tests.hf.conftest import Client


@pytest.fixture
def site(settings: Settings, tmp_path: Path) -> Iterator[Site]:
    with s3_server(tmp_path / "weed") as s3, serving(stored_in(settings, s3)) as server:
        yield server


def test_large_files_come_straight_from_the_store(hf: Client, site: Site) -> None:
    result = hf(
        """
data = os.urandom(12_000_000)
Path("w.bin").write_bytes(data)
api.create_repo("ada/net")
api.upload_file(path_or_fileobj="w.bin", path_in_repo="w.bin", repo_id="ada/net")
api.upload_file(path_or_fileobj=b"small", path_in_repo="a.txt", repo_id="ada/net")
from huggingface_hub import snapshot_download
down = Path(snapshot_download("ada/net"))
result = [(down / "w.bin").read_bytes() == data, (down / "a.txt").read_text()]
""",
        HF_HUB_DISABLE_XET="1",
    )
    answer = httpx.get(f"{site.url}/ada/net/resolve/main/w.bin")
    assert result == [True, "small"]
    assert answer.status_code == 302
    assert answer.headers["x-linked-size"] == "12000000"
    assert "X-Amz-Signature" in answer.headers["location"]
    assert "X-Amz-Expires=300&" in answer.headers["location"]


def test_bundles_come_straight_from_the_store(hf: Client, site: Site) -> None:
    result = hf("""
data = os.urandom(12_000_000)
Path("w.bin").write_bytes(data)
api.create_repo("ada/net")
api.upload_file(path_or_fileobj="w.bin", path_in_repo="w.bin", repo_id="ada/net")
from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_download, hf_hub_url
import httpx
meta = get_hf_file_metadata(hf_hub_url("ada/net", "w.bin"))
signed_in = {"Authorization": f"Bearer {get_token()}"}
token = httpx.get(meta.xet_file_data.refresh_route, headers=signed_in).json()
body = httpx.get(
    f"{token['casUrl']}/v1/reconstructions/{meta.xet_file_data.file_hash}",
    headers={"Authorization": f"Bearer {token['accessToken']}"},
).json()
addresses = [row["url"] for rows in body["fetch_info"].values() for row in rows]
down = Path(hf_hub_download("ada/net", "w.bin", local_dir="down")).read_bytes()
result = [down == data, addresses]
""")
    plain = httpx.get(f"{site.url}/ada/net/resolve/main/w.bin")
    is_same, addresses = result
    assert is_same is True
    assert all("X-Amz-Signature" in one and not one.startswith(site.url) for one in addresses)
    assert all("X-Amz-Expires=300&" in one for one in addresses)
    assert (plain.status_code, len(plain.content)) == (200, 12_000_000)
