"""What every page owes its reader, seen in a real browser."""

import pytest
from playwright.async_api import ConsoleMessage, Page

from tests.conftest import Site

pytestmark = pytest.mark.browser


async def test_a_page_loads_without_an_error_in_the_console(page: Page, site: Site) -> None:
    errors: list[str] = []

    def remember(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", remember)
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(f"{site.url}/tutorials")
    await page.wait_for_load_state("networkidle")
    assert errors == []


async def test_the_language_of_a_page_follows_the_reader(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/tutorials?lang=zh-CN")
    assert await page.locator("html").get_attribute("lang") == "zh-CN"
    assert await page.get_by_role("heading", level=1).inner_text() == "教程"
