"""`tuningfork admin`: look after the running site from its machine, by the same acts as the pages.

What is changed holds in every process within two seconds; the audit names no person for it.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.context import data_dir_option, in_transaction, site_address

if TYPE_CHECKING:
    from app.core.db import AsyncSession

# Spelt out so that `--help` loads nothing; a test compares them with the features' own words.
FLAGS = ("sign_up", "posting", "uploads", "jobs")
WAYS = ("on", "off", "percent", "people")
MODES = ("read_only", "maintenance")
ACTS = (
    "make_admin",
    "take_admin",
    "make_moderator",
    "take_moderator",
    "sign_out",
    "revoke_tokens",
    "reset_factors",
    "anonymise",
)
WORKER_ACTS = ("drain", "resume", "revoke", "let_in")


@click.group()
def admin() -> None:
    """Look after the running site."""


@admin.command("settings")
@data_dir_option
def list_settings(data_dir: Path) -> None:
    """List the settings that can be changed while the site runs; changed ones carry a star."""
    from app.admin.service import switches
    from app.core.runtime import Runtime
    from app.core.settings import get_settings

    base = get_settings()

    async def work(db: "AsyncSession") -> list[str]:
        from app.core import runtime

        found = Runtime(base)
        found.apply(await runtime.read(db))
        rows = await switches.settings_now(db, base, found.settings)
        return [f"{'*' if one.is_changed else ' '} {one.name} = {one.value}" for one in rows]

    for line in in_transaction(data_dir, work):
        click.echo(line)


@admin.command("set")
@click.argument("name")
@click.argument("value")
@data_dir_option
def set_setting(name: str, value: str, data_dir: Path) -> None:
    """Change a setting; secrets are set in the browser, where they are sealed."""
    from app.admin.service import switches
    from app.core.errors import InvalidError
    from app.core.runtime import Kind, definition
    from app.core.settings import get_settings

    async def work(db: "AsyncSession") -> bool:
        if definition(name).kind is Kind.SECRET:
            raise InvalidError("A secret is set under /admin/settings.")
        return await switches.set_setting(db, None, get_settings(), name, value)

    changed = in_transaction(data_dir, work)
    click.echo(f"{name} is {value} now." if changed else f"{name} was {value} already.")


@admin.command("reset")
@click.argument("name")
@data_dir_option
def reset_setting(name: str, data_dir: Path) -> None:
    """Let the environment decide about a setting again."""
    from app.admin.service import switches

    in_transaction(data_dir, lambda db: switches.reset_setting(db, None, name))
    click.echo(f"{name} is at its default.")


@admin.command("flag")
@click.argument("flag", type=click.Choice(FLAGS))
@click.argument("way", type=click.Choice(WAYS))
@click.option("--percent", type=click.IntRange(0, 100), default=100)
@click.option("--person", "people", multiple=True, help="Somebody it is on for; repeat it.")
@data_dir_option
def set_flag(flag: str, way: str, percent: int, people: tuple[str, ...], data_dir: Path) -> None:
    """Say for whom a part of the site is on."""
    from app.admin.service import switches
    from app.core.runtime import Flag, Rule, Way

    rule = Rule(Way(way), percent, people)
    in_transaction(data_dir, lambda db: switches.set_flag(db, None, Flag(flag), rule))
    click.echo(f"{flag}: {way}.")


@admin.command("mode")
@click.argument("mode", type=click.Choice(MODES))
@click.argument("state", type=click.Choice(["on", "off"]))
@data_dir_option
def set_mode(mode: str, state: str, data_dir: Path) -> None:
    """Put the whole site into a mode, or out of it."""
    from app.admin.service import switches
    from app.core.runtime import Mode

    in_transaction(data_dir, lambda db: switches.set_mode(db, None, Mode(mode), on=state == "on"))
    click.echo(f"{mode}: {state}.")


@admin.command("user")
@click.argument("name")
@click.argument("act", type=click.Choice(ACTS))
@data_dir_option
def act_on_user(name: str, act: str, data_dir: Path) -> None:
    """Do one thing to a person's account."""
    from app.accounts.schemas import Site
    from app.admin.service import people
    from app.core.settings import get_settings
    from app.mail import service as mail

    site = Site(site_address(data_dir), mail.is_on(get_settings()), key="")

    async def work(db: "AsyncSession") -> bool:
        found = await people.person_named(db, name)
        return await people.act(db, None, site, found.account.id, people.Act(act))

    changed = in_transaction(data_dir, work)
    click.echo(f"{act}: done." if changed else f"{act}: it was so already.")


@admin.command("worker")
@click.argument("name")
@click.argument("act", type=click.Choice(WORKER_ACTS))
@data_dir_option
def act_on_worker(name: str, act: str, data_dir: Path) -> None:
    """Drain, resume, shut out or let in a worker."""
    from app.admin.service import work

    in_transaction(data_dir, lambda db: work.change_worker(db, None, name, work.WorkerAct(act)))
    click.echo(f"{name}: {act}.")


@admin.command("verify-audit")
@data_dir_option
def verify_audit(data_dir: Path) -> None:
    """Check the chain of the audit log; ends with 1 where it breaks."""
    from app.core import audit

    found = in_transaction(data_dir, audit.verify)
    click.echo(json.dumps(asdict(found)))
    if found.broken_at is not None:
        raise click.exceptions.Exit(1)
