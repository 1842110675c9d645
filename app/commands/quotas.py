"""`tuningfork quotas`: prove the counters, and give accounts limits of their own."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.context import data_dir_option, in_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.core.db import AsyncSession
    from app.quotas.schemas import Drift

# Spelt out so that `--help` need not load them; a test compares it with the kinds.
KINDS = (
    "bytes", "files", "repositories", "queued_jobs", "running_jobs", "gpu_seconds", "streams",
)  # fmt: skip


@click.group()
def quotas() -> None:
    """Count what accounts hold, and set what they may."""


@quotas.command("recount")
@click.option("--mend", is_flag=True, help="Write the counters anew; writers wait meanwhile.")
@data_dir_option
def recount(data_dir: Path, *, mend: bool) -> None:
    """Add up what is stored and say which counters differ; ends with status 1 if any does."""
    from app.quotas import service

    async def work(db: "AsyncSession") -> "Sequence[Drift]":
        return await (service.mend(db) if mend else service.drift(db))

    wrong = in_transaction(data_dir, work)
    for one in wrong:
        click.echo(
            f"account {one.account_id}: {one.kind.value} counted {one.counted}, stored {one.stored}"
        )
    if not wrong:
        click.echo("Every counter is what is stored.")
    elif mend:
        click.echo(f"Mended {len(wrong)} counters.")
    else:
        raise click.ClickException(f"{len(wrong)} counters differ; `--mend` writes them anew.")


@quotas.command("set")
@click.argument("name")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("amount")
@click.option("--reason", default="", help="Why; kept with the change.")
@data_dir_option
def set_limit(name: str, kind: str, amount: str, data_dir: Path, reason: str) -> None:
    """Give a person or an organisation a limit; AMOUNT is a number, 0 for none, or `default`."""
    from app.accounts import service as accounts
    from app.quotas import service
    from app.quotas.schemas import Kind

    if amount != "default" and not amount.isdecimal():
        raise click.BadParameter("Write a whole number, or `default`.", param_hint="AMOUNT")

    async def work(db: "AsyncSession") -> bool:
        account = await accounts.find_account(db, name)
        if account is None:
            return False
        number = None if amount == "default" else int(amount)
        await service.set_limit(db, None, account.id, Kind(kind), number, reason)
        return True

    if not in_transaction(data_dir, work):
        raise click.ClickException(f"There is no account {name}.")
    click.echo(f"{name}: {kind} is {amount} now.")
