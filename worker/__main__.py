"""The engine's command line: `python -m worker run recipe.yaml --out DIR` needs no server."""

import sys
from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Fine-tune models from a recipe, alone or for a site."""


@main.command("convert-starter")
@click.option("--out", type=FOLDER, required=True, help="Folder for the repositories.")
def convert_starter_command(out: Path) -> None:
    """Write the starter models and the starter data set as repository folders."""
    from worker.starter import convert_starter

    convert_starter(out, click.echo)


@main.command("serve")
def serve_command() -> None:
    """Work for a site: claim jobs and run them, until told to stop."""
    from worker.serve import serve

    sys.exit(serve())


if __name__ == "__main__":
    main(prog_name="python -m worker")
