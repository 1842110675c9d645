"""`tuningfork doctor`: what is wrong here, and how to mend it."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from app.commands.backup import shelf_at, shelf_option
from app.commands.context import data_dir_option

MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}
LANGUAGES = ("en", "zh-CN")


def spoken_here() -> str:
    """Return the language of this terminal, as far as we speak it."""
    told = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    said = next((value for value in told if value), "")
    return "zh-CN" if said.lower().startswith("zh") else "en"


@click.command()
@data_dir_option
@shelf_option("--backups")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of sentences.")
@click.option("--language", type=click.Choice(LANGUAGES), help="The terminal's when not given.")
def doctor(data_dir: Path, shelf_dir: Path | None, language: str | None, *, as_json: bool) -> None:
    """Look at this machine and the site on it; ends with 1 when something is wrong."""
    from app.core.i18n import speaking
    from app.core.logging import configure_logging
    from app.core.settings import get_settings
    from app.doctor import Level, Patient, examine
    from app.embedded.layout import DataDir

    configure_logging("error")
    data = DataDir(data_dir)
    backups = shelf_at(data_dir, shelf_dir).root
    with speaking(language or spoken_here()):
        findings = examine(Patient(data, get_settings(), data.runtime(), backups))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.level]}  {finding.message}")
            if finding.fix:
                click.echo(f"         → {finding.fix}")
    if any(finding.level is Level.ERROR for finding in findings):
        raise click.exceptions.Exit(1)
