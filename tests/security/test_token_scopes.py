"""A token opens only what its scopes name: every route of the route table, by both carriers."""

import base64
from collections.abc import Callable

import httpx
import pytest

from app.core.db import Database
from app.core.security import Scope
from tests.factories.accounts import bearer, make_token, make_user
from tests.security.route_table import Address, addresses

Carrier = Callable[[str], dict[str, str]]
SCOPED = [address for address in addresses() if address.scopes]


def _basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"user:{token}".encode()).decode()}


def _lacking(route: Address) -> Scope:
    """Return a scope that is of no use at this address."""
    return next(scope for scope in Scope if scope.value not in route.scopes)


@pytest.mark.parametrize("carrier", [bearer, _basic])
async def test_a_token_without_the_scope_is_refused_at_every_address(
    client: httpx.AsyncClient, database: Database, carrier: Carrier
) -> None:
    admin = await make_user(database, "ada", is_admin=True)
    tokens = {scope: await make_token(database, admin, scope.value) for scope in Scope}
    opened = []
    for route in SCOPED:
        answer = await client.request(
            route.method, route.of("ada", "net"), headers=carrier(tokens[_lacking(route)])
        )
        if answer.status_code != 403 or b"missing_scope" not in answer.content:
            opened.append((route.method, route.path, answer.status_code))
    assert not opened, "\n".join(map(str, opened))


async def test_a_token_that_is_not_ours_opens_nothing(client: httpx.AsyncClient) -> None:
    opened = []
    for route in SCOPED:
        answer = await client.request(
            route.method, route.of("ada", "net"), headers=bearer("hf_" + "0" * 48)
        )
        if answer.status_code != 401:
            opened.append((route.method, route.path, answer.status_code))
    assert not opened, "\n".join(map(str, opened))


def test_the_matrix_covers_most_of_the_site() -> None:
    assert len(SCOPED) > 250
