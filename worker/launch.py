"""The first thing a child runs: it fences itself in, then becomes the real program.

Started as `python -I -S launch.py SPEC PROGRAM ARGUMENT…`, with the standard library alone, so that
the many-threaded worker needs no code between fork and exec. SPEC is a JSON object:
`parent` (die with it), `rlimits` (a limit by name), `oom_score_adj`, `nice`, `namespaces` (true for
own processes and no network), `loopback` (true for a network of those processes alone), and
`landlock` with `read` and `write` lists of paths and `tcp`; what is not listed can be neither
opened nor made, and no TCP connection can be made or accepted unless `tcp` leaves some.
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
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
# mount, IPC, host name, user, process and network namespaces
_NAMESPACES = 0x00020000 | 0x08000000 | 0x04000000 | 0x10000000 | 0x20000000 | 0x40000000
_MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
_MS_REC_PRIVATE = 0x4000 | 0x40000
_SIGNALLED = 128
# ioctl SIOCSIFFLAGS with IFF_UP
_SET_FLAGS, _IS_UP = 0x8914, 1

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH, _NET_PORT = 1, 2

_READ_FILE = 1 << 2
_READ_TREE = 1 << 0 | _READ_FILE | 1 << 3  # execute, read files, list folders
_WRITE_FILE = 1 << 1
_TRUNCATE = 1 << 14
_ALL_RIGHTS = (1 << 15) - 1
_FILE_RIGHTS = 1 << 0 | _WRITE_FILE | _READ_FILE | _TRUNCATE
_BIND, _CONNECT = 0b01, 0b10
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


def _allow_ephemeral(libc: ctypes.CDLL, ruleset: int) -> None:
    """Allow what two processes need that listen where the kernel tells them to."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to import
        first, last = (int(word) for word in file.read().split())
    rules = [(_BIND, 0), *((_CONNECT, port) for port in range(first, last + 1))]
    for rights, port in rules:
        rule = struct.pack("=QQ", rights, port)
        if libc.syscall(_ADD_RULE, ruleset, _NET_PORT, rule, 0):
            raise LaunchError(ctypes.get_errno(), f"landlock refused a rule for port {port}")


def restrict(
    libc: ctypes.CDLL, read: Iterable[str], write: Iterable[str], tcp_left: str = "none"
) -> None:
    """Leave this process, for ever, only the given paths and the TCP that is left.

    Args:
        libc: the C library.
        read: what it may read.
        write: what it may read and write.
        tcp_left: `none`; `all`; or `ephemeral`, for processes that talk to one another: only ports
            that the kernel picks for callers, on which no service waits.

    Raises:
        LaunchError: the kernel cannot do it.
    """
    abi = landlock_abi(libc)
    handled = _handled(abi)
    tcp = _BIND | _CONNECT if abi >= _TCP_ABI and tcp_left != "all" else 0
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
    if tcp and tcp_left == "ephemeral":
        _allow_ephemeral(libc, ruleset)
    if libc.syscall(_RESTRICT_SELF, ruleset, 0):
        raise LaunchError(ctypes.get_errno(), "landlock could not be applied")
    os.close(ruleset)


def enter_namespaces(libc: ctypes.CDLL, *, loopback: bool = False) -> None:
    """Go on in a child that sees only itself; this process stays behind and ends as it does.

    With `loopback` the child and what it starts can talk to one another, and to nothing else.

    Raises:
        LaunchError: the system does not allow it.
    """
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_NAMESPACES):
        raise LaunchError(ctypes.get_errno(), "namespaces are not allowed")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    if loopback:
        _raise_loopback()
    child = os.fork()
    if child:
        _end_like(child)
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if libc.mount(None, b"/", None, _MS_REC_PRIVATE, None) or libc.mount(
        b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV_NOEXEC, None
    ):
        raise LaunchError(ctypes.get_errno(), "/proc cannot be mounted")


def _raise_loopback() -> None:
    """Switch on the one interface that a new network has."""
    # Only here: few jobs need them.
    import fcntl
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _IS_UP))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to import
        file.write(text)


def _end_like(child: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else _SIGNALLED - code)


def _limit(limits: Mapping[str, int]) -> None:
    for name, value in limits.items():
        number = getattr(resource, name)
        _, hard = resource.getrlimit(number)
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (ceiling, ceiling))


def _score(adjustment: int) -> None:
    try:
        _write("/proc/self/oom_score_adj", str(adjustment))
    except OSError:
        return  # advice to the kernel only


def fence_in(spec: Mapping[str, Any]) -> None:
    """Apply a specification to this process, or to the child that goes on in its place.

    Raises:
        LaunchError: the system does not allow it; then nothing may be run.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if parent := spec.get("parent"):
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it died before we could ask
    _limit(spec.get("rlimits", {}))
    if "oom_score_adj" in spec:
        _score(spec["oom_score_adj"])
    os.nice(spec.get("nice", 0))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if spec.get("namespaces"):
        enter_namespaces(libc, loopback=spec.get("loopback", False))
    if fence := spec.get("landlock"):
        restrict(libc, fence["read"], fence["write"], fence.get("tcp", "none"))


def main(arguments: list[str]) -> None:
    """Apply the specification and become the program."""
    fence_in(json.loads(arguments[0]))
    os.execv(arguments[1], arguments[1:])  # noqa: S606 - our own argument list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
