"""A reader proposes a better card, its owner reviews and merges it: in a real Chromium."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import Site

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)  # a busy machine is not a broken page
PASSWORD = "correct horse battery"
CARD = "---\nlicense: mit\n---\n# Ears\n\nThey hear.\n"
BETTER = "---\nlicense: apache-2.0\nlanguage: en\n---\n# Ears\n\nThey hear music too.\n"
# No path to a button by keys is longer than this.
MOST_TABS = 80


@pytest.fixture
async def reader(chromium: Browser) -> AsyncIterator[Page]:
    """Somebody else, with a browser of their own."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(60_000)
    yield await context.new_page()
    await context.close()


async def join(page: Page, site: Site, name: str) -> None:
    await page.goto(f"{site.url}/signup")
    await page.fill("input[name=name]", name)
    await page.fill("input[name=email]", f"{name}@example.org")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button[type=submit]")
    await expect(page.locator("details.menu summary[title]").last).to_have_attribute("title", name)


async def make_model(page: Page, site: Site) -> None:
    """Create `ada/ears` and write its card, all by forms."""
    await page.goto(f"{site.url}/new")
    await page.fill("input[name=name]", "ears")
    await page.click("main form button[type=submit]")
    await page.get_by_role("link", name="Write the card").click()
    await page.fill("textarea[name=text]", CARD)
    await page.get_by_role("button", name="Commit to main").click()
    await page.goto(f"{site.url}/ada/ears")
    await expect(page.locator(".prose")).to_contain_text("They hear.")


async def propose(page: Page, site: Site) -> None:
    """From the page of the model, over its files, to a pull request."""
    await page.goto(f"{site.url}/ada/ears")
    await page.get_by_role("link", name="Files", exact=True).click()
    await page.get_by_role("link", name="README.md", exact=True).click()
    await page.get_by_role("link", name="Propose a change").click()
    await page.fill("textarea[name=text]", BETTER)
    await page.fill("input[name=message]", "Say that they hear music")
    await page.fill("textarea[name=description]", "I tried them with a violin.")
    await page.get_by_role("button", name="Open a pull request").click()
    await expect(page.locator(".discussion-head h2")).to_contain_text("Say that they hear music")


async def press(page: Page, label: str) -> None:
    """Walk to a button with the Tab key alone, and press it with Enter."""
    focused = "document.activeElement?.matches('button') ? document.activeElement.innerText : ''"
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if str(await page.evaluate(focused)).strip() == label:
            await page.keyboard.press("Enter")
            return
    pytest.fail(f"The Tab key does not lead to {label!r}.")


async def test_a_reader_proposes_a_card_and_the_owner_reviews_and_merges_it_by_keyboard(
    page: Page, reader: Page, site: Site
) -> None:
    await join(page, site, "ada")
    await make_model(page, site)
    await join(reader, site, "grace")
    await propose(reader, site)

    await page.get_by_role("link", name="Community").click()
    await page.get_by_role("link", name="Say that they hear music").click()
    await page.get_by_role("link", name="Files changed").click()
    licence = page.locator(".review-table tr", has_text="license")
    await expect(licence.locator("td")).to_have_text(["mit", "apache-2.0"])
    await expect(page.locator(".diff .added", has_text="music too")).to_be_visible()
    await page.get_by_role("link", name="Discussion", exact=False).click()
    await page.fill("textarea[name=comment]", "Thank you, **grace**.")
    await page.get_by_role("button", name="Comment", exact=True).click()
    await expect(page.locator(".comment-body strong")).to_have_text("grace")

    await press(page, "Merge into main")
    await expect(page.locator(".discussion-head .chip", has_text="Merged")).to_be_visible()
    await page.get_by_role("link", name="Card", exact=True).click()
    await expect(page.locator(".prose")).to_contain_text("They hear music too.")
    await expect(page.locator(".repo-chips")).to_contain_text("apache-2.0")


async def test_a_like_counts_once_a_person_and_can_be_taken_back(
    page: Page, reader: Page, site: Site
) -> None:
    await join(page, site, "ada")
    await make_model(page, site)
    await join(reader, site, "grace")
    await reader.goto(f"{site.url}/ada/ears")
    like = reader.get_by_role("button", name="Like")
    await expect(like).to_have_text("Like 0")
    await like.click()
    await expect(like).to_have_text("Like 1")
    await expect(like).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(page.get_by_role("button", name="Like")).to_have_text("Like 1")
    await like.click()
    await expect(like).to_have_text("Like 0")


async def test_the_owner_lets_somebody_in_with_a_click(
    page: Page, reader: Page, site: Site
) -> None:
    await join(page, site, "ada")
    await make_model(page, site)
    await page.goto(f"{site.url}/ada/ears/settings")
    await page.get_by_text("Whom you let in").click()
    await page.locator("form[action$='/settings/gate'] button[type=submit]").click()
    await join(reader, site, "grace")
    await reader.goto(f"{site.url}/ada/ears/blob/main/README.md")
    await reader.get_by_role("button", name="Ask for access").click()
    await expect(reader.locator("#gate")).to_contain_text("You have asked")
    await page.goto(f"{site.url}/ada/ears/settings/access")
    await page.locator(".entry").get_by_role("button", name="Let in").click()
    await expect(page.get_by_text("Nobody here")).to_be_visible()
    await reader.goto(f"{site.url}/ada/ears/blob/main/README.md")
    await expect(reader.locator(".prose")).to_contain_text("They hear.")
