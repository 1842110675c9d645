"""`tuningfork predict`: try a model of any site on one input, over its API."""

import json
import mimetypes
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from app.commands.jobs import Api, url_option

Json = dict[str, Any]
_SPARE = "application/octet-stream"


@click.command()
@click.argument("model")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--text", default="", help="The text to read, where the model reads texts.")
@click.option("--question", default="", help="What to ask the text, for question answering.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@url_option
def predict(
    model: str, file: Path | None, text: str, question: str, url: str, *, as_json: bool
) -> None:
    """Try MODEL (OWNER/NAME) on FILE (a picture or a recording) or on --text.

    The token comes from TUNINGFORK_TOKEN or HF_TOKEN.
    """
    if (file is None) == (not text):
        raise click.UsageError("Give a FILE or --text, one of the two.")
    path = f"/models/{model}/predict"
    with closing(Api(url)) as api:
        if file is None:
            answer = api.call("POST", path, {"text": text, "question": question})
        else:
            kind = mimetypes.guess_type(file.name)[0] or _SPARE
            answer = api.send(path, file.read_bytes(), kind)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    for line in () if as_json else told(answer):
        click.echo(line)


def told(answer: Json) -> Iterator[str]:
    """Yield what a model made of an input, line by line."""
    if answer["text"] is not None:
        yield answer["text"]
    if answer["value"] is not None:
        yield f"{answer['value']:.4g}"
    for one in answer["scores"]:
        yield f"{one['score']:6.1%}  {one['label']}"
    for one in answer["spans"]:
        yield f"{one['start']}-{one['end']}  {one['label']}  {one['text']}"
    for one in answer["boxes"]:
        corners = " ".join(f"{one[side]:.0f}" for side in ("left", "top", "right", "bottom"))
        yield f"{one['score']:6.1%}  {one['label']}  {corners}"
