"""A small real HTTP server that speaks the site's side of the worker protocol, with faults.

It keeps what a worker told it, and can be told to be away, to find an attempt stale, to ask for a
cancel. It also answers the few hub routes that the stock client needs to download a revision.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORKER_KEY = "key-of-the-workers"
JOB_TOKEN = "tfj_7_1_9999999999_" + "ab" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"
_ATTEMPT = re.compile(r"^/api/v1/worker/jobs/(\w+)/attempts/(\d+)/(\w+)(?:/(.*))?$")
_HUB_INFO = re.compile(r"^/api/(models|datasets)/(\w+/\w+)/(revision|tree)/(\w+)")
_HUB_FILE = re.compile(r"^/(datasets/)?(\w+/\w+)/resolve/(\w+)/(.+)$")


@dataclass
class SmallSite:
    """What the site knows, and how it behaves."""

    url: str = ""
    lease_s: float = 30.0
    poll_s: float = 0.2
    claims: list[dict[str, Any]] = field(default_factory=list)
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    away: bool = False
    database_away: bool = False
    deaf_to: frozenset[str] = frozenset()
    stale: bool = False
    cancel: bool = False
    calls: list[tuple[str, str]] = field(default_factory=list)
    events: dict[int, dict[str, Any]] = field(default_factory=dict)
    sent_events: list[int] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    endings: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    after_stale: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, what: str, *, timeout_s: float = 60.0) -> None:
        """Wait for something to be told: `event:KIND`, `checkpoint`, `ending`, `call:NAME`."""
        with self.changed:
            if not self.changed.wait_for(lambda: self._has(what), timeout_s):
                raise AssertionError(f"waited in vain for {what}; calls: {self.calls[-20:]}")

    def _has(self, what: str) -> bool:
        name, _, rest = what.partition(":")
        if name == "event":
            return any(event["kind"] == rest for event in list(self.events.values()))
        if name == "call":
            return any(call[1] == rest for call in self.calls)
        return bool({"checkpoint": self.checkpoints, "ending": self.endings}[name])

    def kinds(self) -> list[str]:
        return [self.events[number]["kind"] for number in sorted(self.events)]

    def lines(self) -> list[str]:
        found = [e["lines"] for e in self.events.values() if e["kind"] == "LogWritten"]
        return [line for lines in found for line in lines]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: SmallSite

    def log_message(self, *_arguments: object) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionResetError, BrokenPipeError):
            self.close_connection = True

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def _answer(self, handler: Any) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.path.rsplit("/", 1)[-1]
        if self.site.away or name in self.site.deaf_to:
            self.close_connection = True  # as a cut wire: no answer at all
            return
        if self.site.database_away:
            self._json(503, {"error": "The database does not answer.", "code": "unavailable"})
            return
        handler(body)
        with self.site.changed:
            self.site.calls.append((self.command, name))
            self.site.changed.notify_all()

    def _json(self, status: int, value: object) -> None:
        self._bytes(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    # -- hub ---------------------------------------------------------------------------------

    def _get(self, _body: bytes) -> None:
        path = self.path.partition("?")[0]
        if attempt := _ATTEMPT.match(path):
            content = self.site.artifacts.get(attempt[4] or "")
            self._bytes(404 if content is None else 200, content or b"", {})
        elif self.headers.get("Authorization") != f"Bearer {JOB_TOKEN}":
            self._missing()
        elif info := _HUB_INFO.match(path):
            self._hub_info(f"{info[1]}/{info[2]}", info[3], info[4])
        elif file := _HUB_FILE.match(path):
            key = f"{'datasets' if file[1] else 'models'}/{file[2]}"
            self._hub_file(self.site.repositories.get(key, {}), file[4])
        else:
            self._missing()

    def _missing(self) -> None:
        headers = {"X-Error-Code": "RepoNotFound", "Content-Type": "application/json"}
        self._bytes(404, b'{"error": "Repository not found"}', headers)

    def _hub_info(self, key: str, what: str, revision: str) -> None:
        files = self.site.repositories.get(key)
        if files is None or revision != COMMIT:
            self._missing()
        elif what == "revision":
            siblings = [{"rfilename": name} for name in files]
            self._json(200, {"id": key, "sha": COMMIT, "siblings": siblings, "private": False})
        else:
            self._json(200, [_tree_entry(name, content) for name, content in files.items()])

    def _hub_file(self, files: dict[str, bytes], name: str) -> None:
        if name not in files:
            self._missing()
            return
        etag = hashlib.sha1(files[name]).hexdigest()
        self._bytes(200, files[name], {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    # -- worker ------------------------------------------------------------------------------

    def _post(self, body: bytes) -> None:
        value = json.loads(body)
        credential = self.headers.get("Authorization")
        if self.path in {"/api/v1/worker/register", "/api/v1/worker/claim"}:
            if credential != f"Bearer {WORKER_KEY}":
                self._json(401, {"error": "This is not the worker key.", "code": "unauthorized"})
            elif self.path.endswith("register"):
                lease = {"lease_s": self.site.lease_s, "poll_s": self.site.poll_s}
                self._json(200, {"worker_id": 1, **lease})
            else:
                self._claim()
        elif (attempt := self._current_attempt()) is not None:
            getattr(self, f"_on_{attempt[3]}")(value)

    def _claim(self) -> None:
        with self.site.changed:
            claim = self.site.claims.pop(0) if self.site.claims else None
        if claim is None:
            self._bytes(204, b"", {})
        else:
            self._json(200, claim)

    def _current_attempt(self) -> re.Match[str] | None:
        attempt = _ATTEMPT.match(self.path)
        if self.headers.get("Authorization") != f"Bearer {JOB_TOKEN}" or attempt is None:
            self._json(401, {"error": "No such attempt.", "code": "unauthorized"})
            return None
        if self.site.stale:
            self.site.after_stale.append(attempt[3])
            self._json(409, {"error": "This attempt is over.", "code": "stale_attempt"})
            return None
        return attempt

    def _on_heartbeat(self, _value: dict[str, Any]) -> None:
        reply = {"lease_s": self.site.lease_s, "cancel_requested": self.site.cancel}
        self._json(200, {**reply, "stop": False})

    def _on_events(self, value: dict[str, Any]) -> None:
        with self.site.changed:
            for event in value["events"]:
                self.site.sent_events.append(event["seq"])
                self.site.events.setdefault(event["seq"], event)
        last = max(self.site.events, default=0)
        self._json(200, {"accepted_up_to": last, "cancel_requested": self.site.cancel})

    def _on_checkpoints(self, value: dict[str, Any]) -> None:
        missing = [f["path"] for f in value["files"] if f["path"] not in self.site.artifacts]
        if missing:
            self._json(422, {"error": f"not stored: {missing}", "code": "file_missing"})
            return
        self.site.checkpoints.append(value)
        self._json(201, {"stored": True})

    def _end(self, name: str, value: dict[str, Any]) -> None:
        self.site.endings.append((name, value))
        self._json(200, {"state": name})

    def _on_finish(self, value: dict[str, Any]) -> None:
        self._end("finish", value)

    def _on_fail(self, value: dict[str, Any]) -> None:
        self._end("fail", value)

    def _on_release(self, value: dict[str, Any]) -> None:
        self._end("release", value)

    def _on_cancelled(self, value: dict[str, Any]) -> None:
        self._end("cancelled", value)

    def _put(self, body: bytes) -> None:
        attempt = self._current_attempt()
        if attempt is None:
            return
        sha256 = hashlib.sha256(body).hexdigest()
        if self.headers["X-Content-Sha256"] != sha256:
            self._json(400, {"error": "The bytes differ from their hash.", "code": "bad_request"})
            return
        self.site.artifacts[attempt[4]] = body
        reply = {"path": attempt[4], "sha256": sha256, "size": len(body)}
        self._json(201, {**reply, "kind": self.headers["X-Artifact-Kind"]})


def _tree_entry(name: str, content: bytes) -> dict[str, Any]:
    oid = hashlib.sha1(content).hexdigest()
    return {"type": "file", "path": name, "size": len(content), "oid": oid}


@contextmanager
def small_site() -> Iterator[SmallSite]:
    """Serve on a free port of this machine until the block ends."""
    site = SmallSite()
    handler = type("Handler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield site
        server.shutdown()
        thread.join()
