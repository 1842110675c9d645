"""The first thing a child runs: it fences itself in, then becomes the real program.

Started as `python -I -S launch.py SPEC PROGRAM ARGUMENT…`, with the standard library alone, so that
the many-threaded worker needs no code between fork and exec. SPEC is a JSON object:
`parent` (die with it), `rlimits` (name to soft and hard limit), `oom_score_adj`, and `landlock`
with `read` and `write` lists of paths; what is not listed can be neither opened nor made, and no
TCP connection can be made or accepted.
"""

import ctypes
import json
import os
import resource
import signal
import stat
import struct
import sys
from collections.abc import Iterable, Mapping

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1

_READ_FILE = 1 << 2
_READ_TREE = 1 << 0 | _READ_FILE | 1 << 3  # execute, read files, list folders
_WRITE_FILE = 1 << 1
_TRUNCATE = 1 << 14
_ALL_RIGHTS = (1 << 15) - 1
_FILE_RIGHTS = 1 << 0 | _WRITE_FILE | _READ_FILE | _TRUNCATE
_TCP = 0b11
_SCOPES = 0b11
_REFER_ABI, _TRUNCATE_ABI, _TCP_ABI, _SCOPE_ABI = 2, 3, 4, 6


class LaunchError(OSError):
    """The child could not be fenced in, so it must not run."""


def landlock_abi(libc: ctypes.CDLL) -> int:
    """Return the version of Landlock that the kernel offers, 0 for none."""
    return max(0, int(libc.syscall(_CREATE_RULESET, None, 0, 1)))


def _handled(abi: int) -> int:
    rights = _ALL_RIGHTS
    if abi < _REFER_ABI:
        rights &= ~(1 << 13)
    if abi < _TRUNCATE_ABI:
        rights &= ~_TRUNCATE
    return rights


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a path that is not there needs no permission
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, opened)
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0):
            raise LaunchError(ctypes.get_errno(), f"landlock refused a rule for {path}")
    finally:
        os.close(opened)


def restrict(libc: ctypes.CDLL, read: Iterable[str], write: Iterable[str]) -> None:
    """Leave this process, for ever, only the given paths and no TCP.

    Raises:
        LaunchError: the kernel cannot do it.
    """
    abi = landlock_abi(libc)
    handled = _handled(abi)
    tcp = _TCP if abi >= _TCP_ABI else 0
    scopes = _SCOPES if abi >= _SCOPE_ABI else 0
    size = 24 if abi >= _SCOPE_ABI else 16 if abi >= _TCP_ABI else 8
    attributes = struct.pack("=QQQ", handled, tcp, scopes)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, size, 0)
    if abi == 0 or ruleset < 0:
        raise LaunchError(ctypes.get_errno(), "landlock is not available")
    for path in read:
        _allow(libc, ruleset, path, _READ_TREE & handled)
    for path in write:
        _allow(libc, ruleset, path, handled)
    if libc.syscall(_RESTRICT_SELF, ruleset, 0):
        raise LaunchError(ctypes.get_errno(), "landlock could not be applied")
    os.close(ruleset)


def _limit(limits: Mapping[str, int]) -> None:
    for name, value in limits.items():
        number = getattr(resource, name)
        _, hard = resource.getrlimit(number)
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (ceiling, ceiling))


def _score(adjustment: int) -> None:
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - light
            file.write(str(adjustment))
    except OSError:
        return  # advice to the kernel only


def main(arguments: list[str]) -> None:
    """Apply the specification and become the program."""
    spec = json.loads(arguments[0])
    libc = ctypes.CDLL(None, use_errno=True)
    if parent := spec.get("parent"):
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it died before we could ask
    _limit(spec.get("rlimits", {}))
    if "oom_score_adj" in spec:
        _score(spec["oom_score_adj"])
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if fence := spec.get("landlock"):
        restrict(libc, fence["read"], fence["write"])
    os.execv(arguments[1], arguments[1:])  # noqa: S606 - our own argument list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
