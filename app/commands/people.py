"""`tuningfork user`, `org` and `token`: accounts from the command line, while the site runs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.context import data_dir_option, in_transaction, site_address

if TYPE_CHECKING:
    from app.core.db import AsyncSession

# Spelt out so that `--help` need not load the accounts; a test compares it with them.
ROLES = ("read", "contributor", "write", "admin")


@click.group()
def user() -> None:
    """Make people's accounts."""


@user.command("create")
@click.argument("name")
@click.option("--email", required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--admin", is_flag=True, help="Make the person an administrator of the site.")
@data_dir_option
def create_user(
    name: str, email: str, data_dir: Path, *, password_stdin: bool, admin: bool
) -> None:
    """Make an account; the password is asked for, or read from standard input."""
    from app.accounts import service
    from app.accounts.schemas import NewUser

    password = (
        sys.stdin.readline().rstrip("\r\n")
        if password_stdin
        else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    new = NewUser(name=name, email=email, password=password, is_admin=admin, is_trusted=True)
    made = in_transaction(data_dir, lambda db: service.create_user(db, new))
    click.echo(f"Made the account {made.name}.")


@user.command("reset-password")
@click.argument("name")
@data_dir_option
def reset_password(name: str, data_dir: Path) -> None:
    """Print a link with which a person chooses a new password; it works once, for an hour."""
    from app.accounts import service

    async def work(db: "AsyncSession") -> str:
        return await service.reset_link(db, await _user_id(db, name))

    click.echo(f"{site_address(data_dir)}{in_transaction(data_dir, work)}")


@user.command("reset-second-factor")
@click.argument("name")
@data_dir_option
def reset_second_factor(name: str, data_dir: Path) -> None:
    """Take a person's app, passkeys and recovery codes away, when they have lost them all."""
    from app.accounts import service
    from app.accounts.schemas import Site
    from app.core.settings import get_settings
    from app.mail import service as mail

    settings = get_settings()
    site = Site(site_address(data_dir), mail.is_on(settings), key="")

    async def work(db: "AsyncSession") -> None:
        await service.reset_factors(db, site, await _user_id(db, name))

    in_transaction(data_dir, work)
    click.echo(f"{name} signs in with the password alone now.")


@user.command("moderator")
@click.argument("name")
@click.option("--off", is_flag=True, help="Take the role away.")
@data_dir_option
def set_moderator(name: str, data_dir: Path, *, off: bool) -> None:
    """Let somebody moderate the site, or no more."""
    from app.accounts import service

    async def work(db: "AsyncSession") -> None:
        await service.set_moderator(db, await _user_id(db, name), moderates=not off)

    in_transaction(data_dir, work)
    click.echo(f"{name} moderates the site{' no more' if off else ''}.")


@user.command("lift")
@click.argument("name")
@click.argument("kind", type=click.Choice(["silenced", "suspended"]))
@data_dir_option
def lift(name: str, kind: str, data_dir: Path) -> None:
    """End a silence or a suspension before its time."""
    from app.accounts import service
    from app.accounts.schemas import StandingKind

    async def work(db: "AsyncSession") -> None:
        await service.lift(db, await _user_id(db, name), StandingKind(kind), None)

    in_transaction(data_dir, work)
    click.echo(f"{name} is {kind} no more.")


@click.group()
def org() -> None:
    """Make organisations and say who is in them."""


@org.command("create")
@click.argument("name")
@click.option("--owner", required=True, help="The person who administers it.")
@click.option("--default-private", is_flag=True, help="New repositories start private.")
@data_dir_option
def create_organization(name: str, owner: str, data_dir: Path, *, default_private: bool) -> None:
    """Make an organisation."""
    from app.accounts import service

    async def work(db: "AsyncSession") -> None:
        owner_id = await _user_id(db, owner)
        await service.create_organization(db, name, owner_id, default_private=default_private)

    in_transaction(data_dir, work)
    click.echo(f"Made the organisation {name}.")


@org.command("add")
@click.argument("organization", metavar="ORG")
@click.argument("member", metavar="USER")
@click.option("--role", type=click.Choice(ROLES), required=True)
@data_dir_option
def add_member(organization: str, member: str, role: str, data_dir: Path) -> None:
    """Make somebody a member, or give a member another role."""
    from app.accounts import service
    from app.accounts.schemas import Role

    in_transaction(data_dir, lambda db: service.add_member(db, organization, member, Role(role)))
    click.echo(f"{member} is in {organization} with the role {role}.")


@click.group()
def token() -> None:
    """Make access tokens for programs."""


@token.command("create")
@click.argument("owner", metavar="USER")
@click.option("--name", required=True, help="What the token is called in the person's settings.")
@click.option("--scope", default="read", show_default=True, help="read, write, all, or scopes.")
@data_dir_option
def create_token(owner: str, name: str, scope: str, data_dir: Path) -> None:
    """Make a token and print it alone; it cannot be shown again."""
    from app.accounts import service

    async def work(db: "AsyncSession") -> str:
        scopes = service.parse_scopes(scope)
        return await service.create_token(db, await _user_id(db, owner), name, scopes)

    click.echo(in_transaction(data_dir, work))


async def _user_id(db: "AsyncSession", name: str) -> int:
    from app.accounts import service
    from app.accounts.schemas import AccountKind
    from app.core.errors import NotFoundError

    account = await service.find_account(db, name)
    if account is None or account.kind is not AccountKind.USER:
        raise NotFoundError(f"There is no person named {name}.")
    return account.id
