"""Somebody asks, somebody answers, and what they write stays words: in a real Chromium."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from app.core.db import Database
from app.core.settings import Settings
from app.questions import service
from tests.browser.payloads import PAYLOADS
from tests.browser.test_hub_community_story import join
from tests.conftest import Site

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)  # a busy machine is not a broken page


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A script types faster than people do, for which newcomers' posts wait for a moderator."""
    return settings.model_copy(update={"newcomer_typing_s": 0})


@pytest.fixture
async def tags(site: Site) -> None:
    database = Database(site.settings.database_url)
    async with database.transaction() as db:
        await service.plant_tags(db)
    await database.close()


@pytest.fixture
async def scriptless(chromium: Browser) -> AsyncIterator[Page]:
    """Somebody whose browser runs no scripts, in Chinese, on a phone."""
    context = await chromium.new_context(
        viewport={"width": 390, "height": 800}, locale="zh-CN", java_script_enabled=False
    )
    context.set_default_timeout(60_000)
    yield await context.new_page()
    await context.close()


async def ask(page: Page, site: Site, title: str, body: str) -> None:
    await page.goto(f"{site.url}/questions/ask")
    await page.fill("input[name=title]", title)
    await page.fill("textarea[name=body]", body)
    await page.fill("input[name=tags]", "过拟合 nlp")
    await page.locator("#ask button[type=submit]").first.click()
    await expect(page.locator(".question-head h1")).to_have_text(title)


async def test_a_question_is_answered_without_scripts_and_accepted_by_keyboard(
    page: Page, scriptless: Page, site: Site, tags: None
) -> None:
    await join(page, site, "ada")
    await ask(page, site, "Why does BERT overfit after two epochs?", "With $lr = 2\\cdot10^{-5}$.")
    await expect(page.locator(".question-head .tag")).to_have_text(["overfitting", "nlp"])
    await expect(page.locator(".post .katex").first).to_be_visible()

    await join_without_scripts(scriptless, site, "bob")
    await scriptless.goto(f"{site.url}/questions")
    await scriptless.get_by_role("link", name="Why does BERT overfit").click()
    await scriptless.fill("#write textarea", "先**冻结**前六层。")
    await scriptless.locator("#write button[type=submit]").first.click()
    await expect(scriptless.locator(".post strong", has_text="冻结")).to_be_visible()

    await page.reload()
    vote = page.get_by_role("button", name="Vote up").last
    await vote.click()
    await expect(page.locator(".votes .score").last).to_have_text("1")
    await expect(page.get_by_role("button", name="Vote up").last).to_be_focused()
    await press_labelled(page, "This answer solves it")
    await expect(page.locator(".post-accepted")).to_contain_text("冻结")


async def join_without_scripts(page: Page, site: Site, name: str) -> None:
    await page.goto(f"{site.url}/signup")
    await page.fill("input[name=name]", name)
    await page.fill("input[name=email]", f"{name}@example.org")
    await page.fill("input[name=password]", "correct horse battery")
    await page.click("main form button[type=submit]")


async def press_labelled(page: Page, label: str) -> None:
    """Walk to a button of this name with the Tab key alone, and press it with Enter."""
    focused = "document.activeElement?.getAttribute('aria-label') ?? ''"
    for _ in range(80):
        await page.keyboard.press("Tab")
        if str(await page.evaluate(focused)).strip() == label:
            await page.keyboard.press("Enter")
            return
    pytest.fail(f"The Tab key does not lead to {label!r}.")


async def test_what_is_half_written_waits_in_another_browser(
    page: Page, chromium: Browser, site: Site, tags: None
) -> None:
    await join(page, site, "ada")
    await page.goto(f"{site.url}/questions/ask")
    await page.fill("input[name=title]", "Why is the loss")
    await page.locator("textarea[name=body]").press_sequentially("half a thought")
    await expect(page.locator(".draft-state")).to_have_text("Draft kept")
    await page.close(run_before_unload=False)

    context = await chromium.new_context(locale="en-US")
    other = await context.new_page()
    await other.goto(f"{site.url}/login?next=/questions/ask")
    await other.fill("input[name=login]", "ada")
    await other.fill("input[name=password]", "correct horse battery")
    await other.press("input[name=password]", "Enter")
    await expect(other.locator("textarea[name=body]")).to_have_value("half a thought")
    await context.close()


async def test_sixty_ways_to_smuggle_a_script_run_none(page: Page, site: Site, tags: None) -> None:
    await join(page, site, "ada")
    broken: list[str] = []
    page.on("dialog", lambda dialog: broken.append(dialog.message))
    title = "Titles </title><script>window.broken=1</script> <img src=x onerror=window.broken=1>"
    await ask(page, site, title, "\n\n".join(PAYLOADS))
    address = page.url
    await page.fill("#write textarea", "\n\n---\n\n".join(reversed(PAYLOADS)))
    await page.locator("#write button[value=preview]").click()
    assert await page.evaluate("window.broken") is None
    await page.locator("#write button[type=submit]").first.click()
    for path in (address, f"{site.url}/questions", f"{site.url}/tags/nlp", f"{site.url}/drafts"):
        await page.goto(path)
        for link in await page.locator(".post-main a[href]").all():
            href = await link.get_attribute("href") or ""
            assert not href.strip().lower().startswith(("javascript:", "data:", "vbscript:")), href
        assert await page.evaluate("window.broken") is None
    assert broken == []


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(set(PAYLOADS)) >= 60
