"""`tuningfork bundle`: a repository as one file, out of one site and into another."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from app.commands.jobs import url_option

if TYPE_CHECKING:
    import httpx

_NAME = re.compile(r"(?:(models|datasets)/)?([^/@\s]+)/([^/@\s]+)(?:@(\S+))?")
_BLOCK = 1 << 20


class Named(NamedTuple):
    """A repository as people write it: `[datasets/]OWNER/NAME[@REVISION]`."""

    plural: str
    owner: str
    name: str
    revision: str

    @property
    def path(self) -> str:
        """Its address in the API."""
        return f"/api/v1/bundles/{self.plural}/{self.owner}/{self.name}"


def _named(text: str) -> Named:
    match = _NAME.fullmatch(text)
    if match is None:
        raise click.ClickException("Write the repository as OWNER/NAME or datasets/OWNER/NAME.")
    return Named(match[1] or "models", match[2], match[3], match[4] or "")


def _client(url: str) -> "httpx.Client":
    import httpx

    token = os.environ.get("TUNINGFORK_TOKEN") or os.environ.get("HF_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(
        base_url=url.rstrip("/"), headers=headers, timeout=httpx.Timeout(600, connect=10)
    )


@click.group()
def bundle() -> None:
    """Carry a repository to a machine without a network, with the same commits and hashes.

    The token comes from TUNINGFORK_TOKEN or HF_TOKEN.
    """


@bundle.command("export")
@click.argument("repository", metavar="[datasets/]OWNER/NAME[@REVISION]")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@url_option
def export_bundle(repository: str, file: Path, url: str) -> None:
    """Write a repository into FILE: every branch and tag, or one revision as `main`."""
    import httpx

    named = _named(repository)
    partial = file.with_name(file.name + ".part")
    try:
        with (
            _client(url) as client,
            client.stream("GET", named.path, params={"revision": named.revision}) as answer,
        ):
            _require_success(answer)
            with partial.open("wb") as out:
                for block in answer.iter_bytes(_BLOCK):
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
        # The last thing to happen, so that FILE is never half a bundle.
        partial.replace(file)
    except httpx.TransportError as error:
        raise click.ClickException(f"{url} does not answer: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    click.echo(f"Wrote {file} ({file.stat().st_size} bytes).", err=True)


@bundle.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("repository", metavar="[datasets/]OWNER/NAME")
@click.option("--private/--public", default=None, help="Who may see it, if it is new.")
@url_option
def import_bundle(file: Path, repository: str, url: str, *, private: bool | None) -> None:
    """Make a repository of FILE, or bring one up to date; all of it or nothing."""
    import httpx

    named = _named(repository)
    params = {} if private is None else {"private": str(private).lower()}
    headers = {"Content-Length": str(file.stat().st_size)}
    try:
        with _client(url) as client:
            answer = client.put(named.path, params=params, content=_blocks(file), headers=headers)
            _require_success(answer)
    except httpx.TransportError as error:
        raise click.ClickException(f"{url} does not answer: {error}") from error
    click.echo(answer.json()["commit"])


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            yield block


def _require_success(answer: "httpx.Response") -> None:
    if not answer.is_error:
        return
    answer.read()
    try:
        body = answer.json()
    except ValueError as error:
        raise click.ClickException(f"The site answered {answer.status_code}.") from error
    raise click.ClickException(f"{body.get('error', '')} {body.get('fix', '')}".strip())
