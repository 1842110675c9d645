"""Pages of accounts: signing in, one's own settings, organisations."""

from fastapi import APIRouter

from app.accounts.pages import credentials, device, organizations, settings, sign_in

router = APIRouter(include_in_schema=False)
for part in (sign_in, settings, credentials, device, organizations):
    router.include_router(part.router)
