"""Passkeys in a real Chromium, whose device is a virtual one."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, CDPSession, Page, expect

from tests.browser.test_hub_pages import PASSWORD
from tests.conftest import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def address(site: Site) -> str:
    """The site under a name: passkeys know no numbers."""
    return site.url.replace("127.0.0.1", "localhost")


@pytest.fixture
async def device(context: BrowserContext, page: Page) -> AsyncIterator[CDPSession]:
    """A device with a fingerprint reader, and its owner's finger always on it."""
    session = await context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield session
    await session.detach()


async def join(page: Page, address: str) -> None:
    await page.goto(f"{address}/signup")
    await page.fill("input[name=name]", "ada")
    await page.fill("input[name=email]", "ada@example.org")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button[type=submit]")


async def add_passkey(page: Page, address: str, name: str) -> None:
    await page.goto(f"{address}/settings/security")
    await page.fill("input#field-name", name)
    await page.click("form[data-passkey=make] button")
    await expect(page.locator("#recovery-codes li")).to_have_count(10)


async def sign_out(page: Page, address: str) -> None:
    await page.context.clear_cookies()
    await page.goto(f"{address}/login?next=/settings/tokens")


async def test_a_passkey_signs_in_without_name_and_password(
    page: Page, address: str, device: CDPSession
) -> None:
    await join(page, address)
    await add_passkey(page, address, "Laptop")
    await sign_out(page, address)
    await page.click("form[data-passkey=prove] button")
    await expect(page).to_have_url(f"{address}/settings/tokens")
    await page.goto(f"{address}/settings/sessions")
    await expect(page.get_by_text("by passkey")).to_be_visible()


async def test_after_a_password_the_passkey_is_the_second_step(
    page: Page, address: str, device: CDPSession
) -> None:
    await join(page, address)
    await add_passkey(page, address, "Laptop")
    await sign_out(page, address)
    await page.fill("input[name=login]", "ada")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form[action='/login'] button")
    await expect(page).to_have_url(f"{address}/login/second-factor")
    await page.click("form[data-passkey=prove] button")
    await expect(page).to_have_url(f"{address}/settings/tokens")


async def test_a_removed_passkey_signs_in_no_more(
    page: Page, address: str, device: CDPSession
) -> None:
    await join(page, address)
    await add_passkey(page, address, "Laptop")
    name = page.get_by_label("Name of the passkey")
    await name.fill("Old laptop")
    await page.get_by_role("button", name="Rename").click()
    await expect(name).to_have_value("Old laptop")
    await page.get_by_role("button", name="Remove").click()
    await expect(name).to_have_count(0)
    await sign_out(page, address)
    await page.click("form[data-passkey=prove] button")
    await expect(page.get_by_text("This passkey does not sign in here.")).to_be_visible()
