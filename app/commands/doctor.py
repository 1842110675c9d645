"""`tuningfork doctor`: what is wrong here, and how to mend it."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from app.commands.context import data_dir_option

MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@click.command()
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of sentences.")
def doctor(data_dir: Path, *, as_json: bool) -> None:
    """Look at this machine and the site on it; ends with 1 when something is wrong."""
    from app.core.settings import get_settings
    from app.embedded.doctor import Level, examine
    from app.embedded.layout import DataDir

    findings = examine(DataDir(data_dir), get_settings())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.level]}  {finding.message}")
            if finding.fix:
                click.echo(f"         → {finding.fix}")
    if any(finding.level is Level.ERROR for finding in findings):
        raise click.exceptions.Exit(1)
