"""What an operator can set or call is written down, in the same words."""

from collections.abc import Iterator

import click
import pytest

from app.cli import main
from app.core.files import resource_dir
from app.core.settings import Settings

DOCS = resource_dir("templates").parent / "docs"


def _commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"tuningfork {prefix}{name}"


@pytest.mark.parametrize("name", [str(f.validation_alias) for f in Settings.model_fields.values()])
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in (DOCS / "operations" / "settings.md").read_text()


@pytest.mark.parametrize("command", sorted(_commands(main)))
def test_every_command_is_documented(command: str) -> None:
    assert command in (DOCS / "operations" / "cli.md").read_text()
