"""People, organisations and credentials, made through the service like the site's own."""

from itertools import count

import httpx

from app.accounts import service
from app.accounts.schemas import AccountRef, NewUser, Role
from app.core.db import Database

PASSWORD = "correct horse battery"  # everybody's, in tests

_numbers = count(1)


async def make_user(
    database: Database, name: str = "", *, password: str = PASSWORD, is_admin: bool = False
) -> AccountRef:
    """Return a new person; without a name they get one of their own."""
    name = name or f"person{next(_numbers)}"
    new = NewUser(name, f"{name}@example.org", password, is_admin=is_admin)
    async with database.transaction() as db:
        return await service.create_user(db, new)


async def make_organization(
    database: Database, owner: AccountRef, name: str = "", *, default_private: bool = False
) -> AccountRef:
    """Return a new organisation that `owner` administers."""
    name = name or f"organization{next(_numbers)}"
    async with database.transaction() as db:
        return await service.create_organization(
            db, name, owner.id, default_private=default_private
        )


async def make_member(
    database: Database, organization: AccountRef, user: AccountRef, role: Role
) -> None:
    """Put `user` into `organization`."""
    async with database.transaction() as db:
        await service.add_member(db, organization.name, user.name, role)


async def make_token(
    database: Database, user: AccountRef, scope: str = "write", *, name: str = ""
) -> str:
    """Return the secret of a new token: `read`, `write`, `all`, or scopes with commas."""
    async with database.transaction() as db:
        return await service.create_token(
            db, user.id, name or f"token{next(_numbers)}", service.parse_scopes(scope)
        )


def bearer(token: str) -> dict[str, str]:
    """Return the header that sends a token."""
    return {"Authorization": f"Bearer {token}"}


async def sign_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> None:
    """Sign the client in as a browser does; its cookie jar keeps the session."""
    answer = await client.post("/login", data={"login": name, "password": password})
    assert answer.status_code == 303, answer.text
