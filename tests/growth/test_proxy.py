"""The site behind the nginx whose configuration ships: TLS, addresses, streams, big bodies."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.core.settings import Settings
from tests.conftest import Site, serving
from tests.embedded.harness import clean_environment
from tests.embedded.parts import free_ports
from tests.factories.accounts import PASSWORD
from tests.growth.proxy import Places, nginx

# A stock client, which trusts the certificate as a lab's machine would.
CLIENT = """
import hashlib, os, sys
from huggingface_hub import HfApi, hf_hub_download
api = HfApi()
repo = api.create_repo("behind").repo_id
blob = os.urandom(20_000_000)
api.upload_file(path_or_fileobj=blob, path_in_repo="weights.safetensors", repo_id=repo)
back = hf_hub_download(repo, "weights.safetensors")
assert open(back, "rb").read() == blob
"""


@dataclass
class Behind:
    url: str
    http_url: str
    certificate: Path
    site: Site

    def client(self, **headers: str) -> httpx.Client:
        trust = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(
            base_url=self.url, verify=trust, headers={"Origin": self.url, **headers}, timeout=30
        )


@pytest.fixture
def behind(settings: Settings, tmp_path: Path) -> Iterator[Behind]:
    """A site that listens on loopback, and nginx before it."""
    http, https = free_ports(2)
    url = f"https://127.0.0.1:{https}"
    with serving(settings.model_copy(update={"site_url": url})) as site:
        port = site.socket.getsockname()[1]
        with nginx(tmp_path / "nginx", Places(http, https, [port])) as certificate:
            yield Behind(url, f"http://127.0.0.1:{http}", certificate, site)


def _sign_up(client: httpx.Client) -> httpx.Response:
    form = {"name": "ada", "email": "ada@example.org", "password": PASSWORD}
    answer = client.post("/signup", data=form)
    assert answer.status_code == 303, answer.text
    return answer


def test_plain_http_leads_to_https_and_a_session_stays_there(behind: Behind) -> None:
    plain = httpx.get(f"{behind.http_url}/models?q=a")
    assert plain.status_code == 301
    assert plain.headers["location"] == "https://127.0.0.1/models?q=a"
    with behind.client() as client:
        cookie = _sign_up(client).headers["set-cookie"]
    assert "Secure" in cookie


def test_what_a_client_says_of_its_own_address_is_not_believed(behind: Behind) -> None:
    with behind.client(**{"X-Forwarded-For": "9.9.9.9"}) as client:
        _sign_up(client)
        page = client.get("/settings/sessions").text
    assert "127.0.0.1" in page
    assert "9.9.9.9" not in page


def test_a_proxy_that_is_not_named_is_not_believed(settings: Settings) -> None:
    other = settings.model_copy(update={"trusted_proxies": "10.0.0.0/8"})
    with (
        serving(other) as site,
        httpx.Client(
            base_url=site.url,
            headers={
                "Origin": site.url,
                "X-Forwarded-For": "9.9.9.9",
                "X-Forwarded-Proto": "https",
            },
        ) as client,
    ):
        assert "Secure" not in _sign_up(client).headers["set-cookie"]
        assert "9.9.9.9" not in client.get("/settings/sessions").text


def test_a_proxy_that_is_no_address_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'proxy\.lan' does not appear to be"):
        Settings(trusted_proxies="127.0.0.1,proxy.lan")


def test_an_event_stream_comes_through_at_once(behind: Behind) -> None:
    with behind.client() as client:
        _sign_up(client)
        with client.stream("GET", "/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert next(stream.iter_text())


def test_a_stock_client_sends_and_fetches_big_files_over_tls(
    behind: Behind, tmp_path: Path
) -> None:
    with behind.client() as client:
        _sign_up(client)
        made = client.post(
            "/api/v1/tokens", json={"name": "t", "scopes": ["repos:write", "repos:read"]}
        )
    env = {
        "HF_ENDPOINT": behind.url,
        "HF_TOKEN": made.json()["token"],
        "HF_HOME": str(tmp_path / "hf"),
        "SSL_CERT_FILE": str(behind.certificate),
    }
    client_run = subprocess.run(
        [sys.executable, "-c", CLIENT],
        env=clean_environment(env), capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert client_run.returncode == 0, client_run.stderr


def test_git_clones_over_tls(behind: Behind, tmp_path: Path) -> None:
    with behind.client() as client:
        _sign_up(client)
        made = client.post("/api/v1/tokens", json={"name": "t", "scopes": ["repos:write"]})
        token = {"Authorization": f"Bearer {made.json()['token']}"}
        answer = client.post("/api/repos/create", json={"name": "small"}, headers=token)
        assert answer.status_code == 200, answer.text
    cloned = subprocess.run(
        ["git", "clone", "-q", f"{behind.url}/ada/small", str(tmp_path / "clone")],
        env=clean_environment({"GIT_SSL_CAINFO": str(behind.certificate)}),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert cloned.returncode == 0, cloned.stderr
    assert (tmp_path / "clone" / ".gitattributes").exists()
