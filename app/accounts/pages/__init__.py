"""Pages of accounts: signing in, one's own settings, organisations."""

from fastapi import APIRouter

from app.accounts.pages import (
    blocking,
    confirming,
    credentials,
    device,
    impersonating,
    organizations,
    personal_data,
    providers,
    recovery,
    second_factor,
    security,
    settings,
    sign_in,
)

router = APIRouter(include_in_schema=False)
for part in (
    sign_in,
    second_factor,
    providers,
    recovery,
    confirming,
    settings,
    blocking,
    security,
    personal_data,
    credentials,
    device,
    organizations,
    impersonating,
):
    router.include_router(part.router)
