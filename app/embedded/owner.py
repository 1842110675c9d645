"""Under root, PostgreSQL needs a user of its own and a directory which that user can reach.

No parent folder's mode is ever changed: what the user cannot reach is kept elsewhere.
"""

import grp
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from app.embedded.errors import StartError
from app.embedded.processes import Owner

USER = "tuningfork-pg"
STATE_ROOT = Path("/var/lib/tuningfork")


def server_owner() -> Owner | None:
    """Return the user who shall run the database: `None` for us, unless we are root."""
    if os.geteuid() != 0:
        return None
    return _look_up(USER) or _create() or _nobody()


def _look_up(name: str) -> Owner | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Owner(entry.pw_uid, entry.pw_gid)


def _create() -> Owner | None:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return None
    shell = "/usr/sbin/nologin"
    subprocess.run(  # noqa: S603 - a fixed command line
        [program, "--system", "--no-create-home", "--home-dir", "/", "--shell", shell, USER],
        check=False,
        capture_output=True,
    )
    return _look_up(USER)


def _nobody() -> Owner:
    found = _look_up("nobody")
    if found is None:
        group = grp.getgrgid(65534).gr_name
        raise StartError(
            f"PostgreSQL refuses to run as root and this machine has neither useradd nor a user "
            f"`nobody` (group {group}). Start Tuningfork as an ordinary user, or set DATABASE_URL."
        )
    return found


def can_enter(folder: Path, owner: Owner | None) -> bool:
    """Say whether `owner` can reach into an existing `folder` through all its parents."""
    if owner is None:
        return os.access(folder, os.X_OK)
    answer = subprocess.run(  # noqa: S603 - a fixed command line, the folder is an argument
        ["/bin/sh", "-c", 'cd "$0"', str(folder)],
        check=False,
        capture_output=True,
        cwd="/",
        user=owner.uid,
        group=owner.gid,
        extra_groups=[],
    )
    return answer.returncode == 0


def reachable(folder: Path, owner: Owner | None, root: Path = STATE_ROOT) -> Path:
    """Return `folder`, or a stand-in under `root` where `owner` cannot reach it.

    The stand-in's name is derived from the folder's, so the next start finds it again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if owner is None or can_enter(folder, owner):
        return folder
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    stand_in = root / f"tuningfork-at-{name}"
    stand_in.mkdir(parents=True, exist_ok=True)
    return stand_in


def own_directory(folder: Path, owner: Owner | None) -> Path:
    """Make `folder`, private to `owner`; its parents must be there.

    Raises:
        StartError: somebody else put a folder or link of that name there before us.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    there = folder.lstat()
    mine = {os.geteuid(), owner.uid if owner else os.geteuid()}
    if not stat.S_ISDIR(there.st_mode) or there.st_uid not in mine:
        raise StartError(f"{folder} belongs to somebody else; remove it, or set TMPDIR.")
    folder.chmod(0o700)
    if owner is not None:
        os.chown(folder, owner.uid, owner.gid)
    return folder
