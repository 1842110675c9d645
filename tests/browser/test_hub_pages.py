"""Uploads and reading in a real Chromium: large files in parts, a reload midway, no script."""

import hashlib
import secrets
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import Site

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)  # a busy machine is not a broken page
PASSWORD = "correct horse battery"
PART = 8 * 1024 * 1024
# The third part is lost until "online" is noted, as when the lid of the laptop is closed; and
# what is sent is noted in the page, for the test driver would copy every body.
NOTE_PARTS = """
const send = window.fetch;
window.fetch = (address, options) => {
  const part = String(address).match(/parts[/]([0-9]+)$/)?.[1];
  if (part) sessionStorage.sent = (sessionStorage.sent ?? "") + part;
  return part === "3" && !sessionStorage.online
    ? Promise.reject(new TypeError("offline"))
    : send(address, options);
};
"""
CARD = """# Flowers

The loss is $L = -\\sum_i y_i \\log p_i$.

| a | b |
| --- | --: |
| 1 | 2 |
"""


async def join(page: Page, site: Site) -> None:
    """Sign up as `ada` and create the model `ada/flowers`."""
    await page.goto(f"{site.url}/signup")
    await page.fill("input[name=name]", "ada")
    await page.fill("input[name=email]", "ada@example.org")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button[type=submit]")
    await page.goto(f"{site.url}/new")
    await page.fill("input[name=name]", "flowers")
    await page.click("main form button[type=submit]")
    await expect(page).to_have_url(f"{site.url}/ada/flowers")


async def choose(page: Page, *paths: Path) -> None:
    await page.locator("input[type=file]:not([webkitdirectory]):not([name])").set_input_files(
        [str(path) for path in paths]
    )


async def test_files_go_up_in_parts_and_come_down_equal(
    page: Page, site: Site, tmp_path: Path
) -> None:
    large, small = tmp_path / "model.safetensors", tmp_path / "花 卉.txt"
    large.write_bytes(secrets.token_bytes(2 * PART + 12_345))
    small.write_text("一二三")
    await join(page, site)
    await page.goto(f"{site.url}/ada/flowers/upload/main")
    await page.fill("input[name=folder]", "weights")
    await choose(page, large, small)
    await expect(page.locator(".uploads [data-state]")).to_have_text(["verified", "verified"])
    await page.fill("input[name=message]", "Add weights")
    await page.click("[data-commit-button]")
    await expect(page).to_have_url(f"{site.url}/ada/flowers/tree/main")
    await page.goto(f"{site.url}/ada/flowers/tree/main/weights")
    await expect(page.locator(".file-table")).to_contain_text("花 卉.txt")
    for path in (large, small):
        answer = await page.request.get(f"{site.url}/ada/flowers/resolve/main/weights/{path.name}")
        body = await answer.body()
        assert hashlib.sha256(body).digest() == hashlib.sha256(path.read_bytes()).digest()


async def test_an_upload_goes_on_after_a_reload_with_the_parts_there_are(
    page: Page, site: Site, tmp_path: Path
) -> None:
    large = tmp_path / "model.safetensors"
    large.write_bytes(secrets.token_bytes(3 * PART))
    await join(page, site)
    await page.add_init_script(NOTE_PARTS)
    await page.goto(f"{site.url}/ada/flowers/upload/main")
    await choose(page, large)
    await expect(page.locator("progress")).to_have_js_property("value", 2 / 3)
    page.on("dialog", lambda dialog: dialog.accept())
    await page.evaluate("sessionStorage.online = '1'; sessionStorage.sent = ''")
    await page.reload()
    await choose(page, large)
    await expect(page.locator(".uploads [data-state]")).to_have_text("verified")
    assert await page.evaluate("sessionStorage.sent") == "3"


async def test_a_small_file_goes_up_without_javascript(
    chromium: Browser, site: Site, tmp_path: Path
) -> None:
    small = tmp_path / "notes.txt"
    small.write_text("plain")
    context = await chromium.new_context(java_script_enabled=False, locale="en-US")
    page = await context.new_page()
    await join(page, site)
    await page.goto(f"{site.url}/ada/flowers/upload/main")
    await page.set_input_files("#plain-files", str(small))
    await page.click("text=Upload and commit")
    await expect(page).to_have_url(f"{site.url}/ada/flowers/tree/main")
    await expect(page.locator(".file-table")).to_contain_text("notes.txt")
    await context.close()


async def test_a_card_draws_its_formulas_without_breaking_the_policy(
    page: Page, site: Site, tmp_path: Path
) -> None:
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    card = tmp_path / "README.md"
    card.write_text(CARD)
    await join(page, site)
    await page.goto(f"{site.url}/ada/flowers/upload/main")
    await choose(page, card)
    await page.locator("[data-commit-button]:enabled").click()
    await expect(page).to_have_url(f"{site.url}/ada/flowers/tree/main")
    await page.goto(f"{site.url}/ada/flowers")
    await expect(page.locator(".prose .katex")).to_be_visible()
    assert errors == []


@pytest.mark.parametrize("address", ["/", "/models", "/login", "/ada/flowers/upload/main"])
async def test_a_phone_shows_every_page_without_scrolling_sideways(
    page: Page, site: Site, address: str
) -> None:
    await join(page, site)
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{site.url}{address}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_keys_reach_search_and_lists(page: Page, site: Site) -> None:
    await join(page, site)
    await page.goto(f"{site.url}/models")
    await page.keyboard.press("j")
    await expect(page.locator(".entry.is-current .entry-name")).to_have_text("ada/flowers")
    await page.keyboard.press("/")
    await expect(page.locator("[data-search]")).to_be_focused()
    await page.locator("main h1").click()
    await page.keyboard.press("g")
    await page.keyboard.press("d")
    await expect(page).to_have_url(f"{site.url}/datasets")


async def test_dark_and_chinese_are_chosen_in_the_header(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/models")
    await page.click("summary[title='Language and theme']")
    await page.click("text=简体中文")
    await expect(page.locator("h1")).to_have_text("模型")
    await page.click("summary[title='语言与主题']")
    await page.click("button[value=dark]")
    ground = "getComputedStyle(document.body).backgroundColor"
    await page.wait_for_function(f"{ground} === 'rgb(20, 22, 26)'")
    await expect(page).to_have_url(f"{site.url}/models")
