"""Writing a tutorial in a real browser: nothing typed is lost, and code has its tabs."""

import pytest
from playwright.async_api import Page, expect

from app.core.db import Database
from tests.conftest import Site
from tests.factories.accounts import PASSWORD, make_user

pytestmark = pytest.mark.browser

TEXT = '```py tab="One"\nx\n```\n```py tab="Two"\ny\n```\n'


async def sign_in(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/login")
    await page.fill("[name=login]", "ada")
    await page.fill("[name=password]", PASSWORD)
    await page.click("main button[type=submit]")
    await page.wait_for_load_state()


async def test_what_is_typed_is_kept_without_pressing_anything(
    page: Page, site: Site, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(page, site)
    await page.goto(f"{site.url}/tutorials/new")
    await page.fill("[name=title]", "Ten seeds")
    await page.fill("[name=slug]", "ten-seeds")
    await page.click("main button[type=submit]")
    await page.fill("[name=body]", TEXT)
    state = page.locator("#draft-state")
    await expect(state).not_to_have_text("Saved")
    await expect(state).to_have_text("Saved", timeout=5000)
    await page.reload()
    assert await page.input_value("[name=body]") == TEXT
    await page.click("button[value=preview]")
    await expect(page.get_by_role("tabpanel")).to_have_count(1)
    await page.get_by_role("tab", name="One").press("ArrowRight")
    await expect(page.get_by_role("tabpanel").locator("code")).to_have_text("y")
