"""Names are chosen by keyboard, in the header and in what people write: in a real Chromium."""

import pytest
from playwright.async_api import Page, expect

from app.core.db import Database
from app.core.settings import Settings
from app.questions import service
from tests.browser.test_hub_community_story import join
from tests.browser.test_questions_story import ask
from tests.conftest import Site
from tests.factories.accounts import make_user
from tests.factories.hub import make_repository

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)  # a busy machine is not a broken page


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A script types faster than people do, for which newcomers' posts wait for a moderator."""
    return settings.model_copy(update={"newcomer_typing_s": 0})


@pytest.fixture
async def grace(site: Site) -> None:
    """Somebody with a model, and tags to ask under."""
    database = Database(site.settings.database_url)
    account = await make_user(database, "grace-hopper")
    await make_repository(
        database,
        site.app.state.storage,
        account,
        "compiler-net",
        files={"README.md": b"# Net\n"},
    )
    async with database.transaction() as db:
        await service.plant_tags(db)
    await database.close()


async def test_a_person_is_chosen_in_an_answer_and_a_model_in_the_header(
    page: Page, site: Site, grace: None
) -> None:
    await join(page, site, "ada")
    await ask(page, site, "Why does BERT overfit after two epochs?", "It does.")
    box = page.locator("#write textarea")
    await box.press_sequentially("Let us ask @gra")
    names = page.locator("#write [role=listbox]")
    await expect(names.get_by_role("option")).to_have_count(1)
    await box.press("Enter")  # nothing is chosen yet: a new line, as always
    await box.press("Backspace")
    await expect(names.get_by_role("option")).to_have_count(1)
    await box.press("ArrowDown")
    chosen = await names.get_by_role("option", selected=True).get_attribute("id")
    await expect(box).to_have_attribute("aria-activedescendant", str(chosen))
    await box.press("Enter")
    await expect(box).to_have_value("Let us ask @grace-hopper ")
    await expect(names).to_be_hidden()
    await box.press_sequentially("about #comp")
    await expect(names.get_by_role("option")).to_have_count(1)
    await box.press("Escape")
    await expect(names).to_be_hidden()
    await box.press_sequentially("i and #grace-hopper/")
    await names.get_by_role("option").click()
    await expect(box).to_have_value(
        "Let us ask @grace-hopper about #compi and #grace-hopper/compiler-net "
    )
    await page.locator("#write button[type=submit]").first.click()
    await expect(page.locator(".post a.mention")).to_have_attribute("href", "/grace-hopper")

    search = page.get_by_role("combobox", name="Search everything")
    await search.press_sequentially("compiler")
    await expect(search).to_have_attribute("aria-expanded", "true")
    await search.press("ArrowUp")
    await search.press("Enter")
    await expect(page).to_have_url(f"{site.url}/grace-hopper/compiler-net")

    await page.get_by_role("combobox", name="Search everything").fill("compiler")
    await expect(page.locator("header [role=option]")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{site.url}/search?q=compiler")
