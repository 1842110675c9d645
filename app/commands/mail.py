"""`tuningfork mail`: does the site send letters?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.context import data_dir_option, in_transaction, site_address

if TYPE_CHECKING:
    from app.core.db import AsyncSession


@click.group()
def mail() -> None:
    """Look after the letters that the site sends."""


@mail.command("test")
@click.argument("address")
@data_dir_option
def send_test(address: str, data_dir: Path) -> None:
    """Hand in a test letter; the running site sends it."""
    from app.mail import service

    site_url = site_address(data_dir)

    async def work(db: "AsyncSession") -> int:
        letter = service.compose("test_letter", address, language="en", site_url=site_url)
        await service.enqueue(db, letter)
        return await service.waiting(db)

    waiting = in_transaction(data_dir, work)
    click.echo(f"Handed in a letter to {address}; {waiting} wait, this one included.")
    click.echo("If it does not arrive, `tuningfork doctor` says what the mail server says.")
