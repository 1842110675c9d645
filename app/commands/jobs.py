"""`tuningfork check`, `submit` and `watch`: jobs on any site, over its API, with a token."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import httpx

EXIT_CODES = {"succeeded": 0, "failed": 1, "cancelled": 2}
_LONGEST_PAUSE_S = 15.0
_SERVER_ERROR = 500

Json = dict[str, Any]

url_option = click.option(
    "--url",
    default=lambda: (
        os.environ.get("TUNINGFORK_URL") or os.environ.get("HF_ENDPOINT") or "http://127.0.0.1:8000"
    ),
    help="Address of the site; else TUNINGFORK_URL or HF_ENDPOINT.",
)


class Api:
    """The jobs API of a site, as the owner of a token."""

    def __init__(self, url: str) -> None:
        import httpx

        token = os.environ.get("TUNINGFORK_TOKEN") or os.environ.get("HF_TOKEN")
        if not token:
            raise click.ClickException(
                "No access token. Make one under Settings, Access tokens, "
                "and set TUNINGFORK_TOKEN to it."
            )
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            # The doctor opens every image of new data before it answers.
            timeout=httpx.Timeout(600, connect=10),
        )

    def submit(self, recipe: str) -> Json:
        """Queue a job for a recipe."""
        return self.queue("/jobs", {"recipe": recipe})

    def check(self, recipe: str) -> Json:
        """Let the doctor look at a recipe; nothing is queued."""
        return self._json(self._client.post("/recipes/check", json={"recipe": recipe}))

    def queue(self, path: str, body: Json) -> Json:
        """Queue a job; a repeat after a lost answer cannot make a second one."""
        import httpx

        headers = {"Idempotency-Key": str(uuid.uuid4())}
        for _attempt in range(3):
            try:
                return self._json(self._client.post(path, json=body, headers=headers))
            except httpx.TransportError as error:
                lost = error
                time.sleep(1)
        raise click.ClickException(f"{self.url} does not answer: {lost}") from lost

    def events(self, job_id: int) -> Iterator[Json]:
        """Yield the events of a job, live, until it has ended; a lost connection goes on."""
        import httpx

        after, pause_s = 0, 1.0
        while True:
            try:
                for event in self._stream(job_id, after):
                    after, pause_s = event["seq"], 1.0
                    yield event
                if self._is_over(job_id, after):
                    return
            except httpx.TransportError:
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            time.sleep(pause_s)

    def _stream(self, job_id: int, after: int) -> Iterator[Json]:
        address = f"/jobs/{job_id}/events/stream"
        with self._client.stream("GET", address, params={"after": after}, timeout=60) as answer:
            if answer.status_code >= _SERVER_ERROR:
                return
            if answer.is_error:
                answer.read()
                self._json(answer)
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def _is_over(self, job_id: int, after: int) -> bool:
        answer = self._client.get(f"/jobs/{job_id}")
        if answer.status_code >= _SERVER_ERROR:
            return False
        job = self._json(answer)
        return job["state"] in EXIT_CODES and after >= job["event_seq"]

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Ask the API for something else, by its path under /api/v1."""
        import httpx

        try:
            return self._json(self._client.request(method, path, json=body))
        except httpx.TransportError as error:
            raise click.ClickException(f"{self.url} does not answer: {error}") from error

    def send(self, path: str, content: bytes, kind: str) -> Json:
        """Send bytes of a media type to a path under /api/v1."""
        import httpx

        try:
            headers = {"Content-Type": kind}
            return self._json(self._client.post(path, content=content, headers=headers))
        except httpx.TransportError as error:
            raise click.ClickException(f"{self.url} does not answer: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def job(self, job_id: int) -> Json:
        """Return a job."""
        return self._json(self._client.get(f"/jobs/{job_id}"))

    def ranking(self, job_id: int) -> Json:
        """Return a ranking."""
        return self._json(self._client.get(f"/rankings/{job_id}"))

    def _json(self, answer: "httpx.Response") -> Json:
        try:
            body = answer.json()
        except ValueError as error:
            raise click.ClickException(
                f"{self.url} is not a Tuningfork site: it answered {answer.status_code}."
            ) from error
        if answer.is_error:
            raise click.ClickException(_explained(body))
        return dict(body)


def _explained(body: Json) -> str:
    lines = [f"{body.get('error', 'The request failed.')} {body.get('fix', '')}".strip()]
    for detail in body.get("details", []):
        where = f"{detail['path']}: " if detail.get("path") else ""
        lines.append(f"  {where}{detail['message']} {detail.get('fix', '')}".rstrip())
    return "\n".join(lines)


@click.command()
@click.argument("recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--wait", is_flag=True, help="Follow the job until it has ended.")
@url_option
def submit(recipe: Path, url: str, *, wait: bool) -> None:
    """Submit RECIPE (YAML or JSON) as a job and print the job's number.

    The token comes from TUNINGFORK_TOKEN or HF_TOKEN.
    """
    api = Api(url)
    job = api.submit(text_of(recipe))
    click.echo(f"{api.url}/jobs/{job['id']}", err=True)
    click.echo(job["id"])
    if wait:
        _follow(api, job["id"])


@click.command()
@click.argument("recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@url_option
def check(recipe: Path, url: str, *, as_json: bool) -> None:
    """Let the doctor look at RECIPE; queue nothing. Exit 1 if something stops it.

    The token comes from TUNINGFORK_TOKEN or HF_TOKEN.
    """
    answer = Api(url).check(text_of(recipe))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    for line in () if as_json else checked(answer):
        click.echo(line)
    raise SystemExit(0 if answer["ok"] else 1)


def checked(answer: Json) -> Iterator[str]:
    """Yield what the doctor says, and what the job would need, line by line."""
    for finding in answer["findings"]:
        yield f"{finding['severity']}: {finding['message']} {finding['fix']}"
    needed = answer.get("needed")
    if needed is None:
        return
    yield f"memory: {_gigabytes(needed['memory'])}"
    if needed["gpu_memory"]:
        yield f"GPU memory: {_gigabytes(needed['gpu_memory'])}"
    if needed["seconds"]:
        low, high = (round(needed["seconds"][end]) for end in ("low", "high"))
        yield f"time: {low} to {high} s ({_BASES[needed['basis']]})"


_BASES = {
    "same": "judged by earlier runs of this kind",
    "other": "judged by the work of other runs here",
    "usual": "a wide guess: nothing has run here yet",
}


def _gigabytes(span: Json) -> str:
    return f"{span['low'] / 1e9:.1f} to {span['high'] / 1e9:.1f} GB"


def text_of(file: Path) -> str:
    """Return what a file holds.

    Raises:
        click.ClickException: it is not a text.
    """
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not a text in UTF-8.") from error


@click.command()
@click.argument("job", type=click.IntRange(min=1))
@url_option
def watch(job: int, url: str) -> None:
    """Follow JOB until it has ended; exit 0 if it succeeded, 1 if it failed, 2 if cancelled.

    The token comes from TUNINGFORK_TOKEN or HF_TOKEN.
    """
    _follow(Api(url), job)


def follow(api: Api, job_id: int) -> Json:
    """Tell what happens to a job until it has ended, and return it."""
    for event in api.events(job_id):
        line = told(event["kind"], event["payload"])
        if line:
            click.echo(line, err=True)
    return api.job(job_id)


def _follow(api: Api, job_id: int) -> None:
    job = follow(api, job_id)
    if job["headline"] is not None:
        click.echo(f"{job['headline']['metric']} {job['headline']['value']:.4f}", err=True)
    raise SystemExit(EXIT_CODES.get(job["state"], 1))


_SENTENCES = {
    "AttemptLost": "the worker was lost; the job waits for another one",
    "AttemptReleased": "the worker gave the job back; it waits for another one",
    "CancelRequested": "cancel requested",
    "JobResumed": "resumed",
}


def told(kind: str, payload: Json) -> str:
    """Return one line about an event; empty for those that nobody reads line by line."""
    told_by_kind = {
        "AttemptStarted": _attempt_line,
        "StageStarted": _stage_line,
        "EpochFinished": _epoch_line,
        "CandidateMeasured": _candidate_line,
        "LogWritten": _log_lines,
        "JobEnded": _end_line,
    }
    tell = told_by_kind.get(kind)
    return tell(payload) if tell else _SENTENCES.get(kind, "")


def _attempt_line(payload: Json) -> str:
    return f"attempt {payload['attempt']} on {payload['worker']}"


def _stage_line(payload: Json) -> str:
    name, count = payload.get("name"), payload.get("trainable_count") or 0
    return f"stage {payload.get('index')} {name}: {count:,} parameters train"


def _epoch_line(payload: Json) -> str:
    return (
        f"epoch {payload.get('epoch')}: "
        f"train loss {_number(payload, 'train_loss')}, "
        f"validation loss {_number(payload, 'validation_loss')}, "
        f"{payload.get('metric')} {_number(payload, 'validation_value')}"
    )


def _candidate_line(payload: Json) -> str:
    candidate = payload.get("candidate") or {}
    probe = candidate.get("probe") or {}
    told_of = f"probe {_number(probe, 'value')}" if probe else "not measured"
    return f"{payload.get('done')}/{payload.get('total')} {candidate.get('repo')}: {told_of}"


def _log_lines(payload: Json) -> str:
    return "\n".join(str(line) for line in payload.get("lines", []))


def _end_line(payload: Json) -> str:
    failure = payload.get("failure") or {}
    reason = f"{failure.get('sentence', '')} {failure.get('fix', '')}".strip()
    return f"{payload['state']}. {reason}".rstrip() if reason else str(payload["state"])


def _number(payload: Json, key: str) -> str:
    value = payload.get(key)
    return f"{value:.4f}" if isinstance(value, int | float) else "–"
