"""What only a browser can show: nothing hostile runs, keys suffice, pages move and fit."""

import base64
import re
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from app.core.settings import Settings
from app.tutorials.schemas import TutorialText
from app.tutorials.service import publish
from tests.acceptance.test_texts import picture
from tests.browser.conftest import chromium, context, page
from tests.browser.payloads import PAYLOADS
from tests.browser.test_every_page import fill
from tests.conftest import Site
from tests.factories.accounts import PASSWORD, bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.factories.jobs import FakeWorker, make_job

__all__ = ["chromium", "context", "page"]
pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)  # a busy machine is not a broken page


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A script types faster than people do, for which newcomers' posts wait for a moderator."""
    return settings.model_copy(update={"newcomer_typing_s": 0})


async def sign_in(page: Page, site: Site, name: str, then: str = "/") -> None:
    await page.goto(f"{site.url}/login?next={quote(then)}")
    await page.fill("main input[name=login]", name)
    await page.fill("main input[name=password]", PASSWORD)
    await page.press("main input[name=password]", "Enter")
    await page.wait_for_url(f"{site.url}{then}")


async def test_sixty_hostile_texts_run_in_no_card_profile_name_or_post(
    page: Page, site: Site
) -> None:
    database = site.app.state.database
    ada = await make_user(database, "ada")
    headers = bearer(await make_token(database, ada, "all"))
    named = {one.replace("/", "").lower() for one in PAYLOADS if one.isprintable()}
    names = [one for one in sorted(named) if len(one) < 120 and "\\" not in one]
    assert len(names) > 50
    files = {f"f/{name}": b"x" for name in names}
    files["README.md"] = "\n\n".join(PAYLOADS).encode()
    await make_repository(database, site.app.state.storage, ada, "net", files=files)
    async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=30) as client:
        profile = {"display_name": PAYLOADS[5], "bio": " ".join(PAYLOADS[:6])[:500]}
        assert (await client.patch("/api/v1/me", json=profile)).status_code == 200
        said = {"title": PAYLOADS[0], "description": "\n\n".join(PAYLOADS)}
        assert (await client.post("/api/models/ada/net/discussions", json=said)).status_code == 200
    for path in ("/ada", "/ada/net", "/ada/net/tree/main/f", "/ada/net/discussions/1"):
        answer = await page.goto(f"{site.url}{path}")
        assert answer is not None
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert await page.evaluate("window.broken") is None, path


async def test_a_chip_of_a_run_moves_to_succeeded_without_a_reload(page: Page, site: Site) -> None:
    database = site.app.state.database
    ada = await make_user(database, "ada")
    async with database.transaction() as db:
        job = await make_job(db, ada.id)
    headers = bearer(await make_token(database, ada, "all"))
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        made = {"name": "net", "type": "model"}
        await client.post("/api/repos/create", json=made, headers=headers)
        said = {"title": "A run", "description": f"Look at #job-{job.id}, please."}
        await client.post("/api/models/ada/net/discussions", json=said, headers=headers)
        await sign_in(page, site, "ada", "/ada/net/discussions/1")
        card = page.locator(f'a.reference[href="/jobs/{job.id}"]')
        await expect(card).to_contain_text("Waiting")
        await page.evaluate("window.same = true")
        worker = FakeWorker(client)
        assert await worker.claim()
        await worker.events({"kind": "RunStarted"}, {"kind": "RunFinished"})
        done = await worker.post("finish", {"result": {}, "artifacts": []})
        assert done.status_code == 200, done.text
        await expect(card).to_contain_text("Succeeded")
    assert await page.evaluate("window.same") is True


async def _to(page: Page, selector: str) -> None:
    """Walk to an element with the Tab key alone."""
    for _ in range(100):
        await page.keyboard.press("Tab")
        if await page.evaluate("(wanted) => !!document.activeElement?.matches(wanted)", selector):
            return
    pytest.fail(f"The Tab key does not lead to {selector}.")


async def test_from_question_to_accepted_answer_by_keyboard_alone(
    chromium: Browser, page: Page, site: Site
) -> None:
    await fill(site)
    database = site.app.state.database
    await make_user(database, "bob")
    await sign_in(page, site, "ada", "/questions/ask")
    await _to(page, "input[name=title]")
    await page.keyboard.type("How many layers should I freeze?")
    await _to(page, "textarea[name=body]")
    await page.keyboard.type("Six of twelve?")
    await _to(page, "input[name=tags]")
    await page.keyboard.type("nlp")
    await _to(page, "#ask button[type=submit]")
    await page.keyboard.press("Enter")
    await expect(page.locator(".question-head h1")).to_have_text("How many layers should I freeze?")
    address = page.url.removeprefix(site.url)
    other = await chromium.new_context(locale="en-US")
    bob = await other.new_page()
    await sign_in(bob, site, "bob", address)
    await _to(bob, "#write textarea")
    await bob.keyboard.type("Try three.")
    await _to(bob, "#write button[type=submit]")
    await bob.keyboard.press("Enter")
    await expect(bob.locator(".post", has_text="Try three.")).to_be_visible()
    await other.close()
    await page.reload()
    await _to(page, "button.accept")
    await page.keyboard.press("Enter")
    await expect(page.locator(".post-accepted")).to_contain_text("Try three.")


async def test_the_theme_follows_the_system_and_a_choice_is_there_from_the_first_paint(
    page: Page, context: BrowserContext, site: Site
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    await page.emulate_media(color_scheme="light")
    await page.goto(f"{site.url}/models")
    light = await page.evaluate(ground)
    await page.emulate_media(color_scheme="dark")
    await page.wait_for_function(f"{ground} !== {light!r}")
    dark = await page.evaluate(ground)
    await page.emulate_media(color_scheme="light")
    await page.click("summary[title='Language and theme']")
    await page.click("button[value=dark]")
    await page.wait_for_function(f"{ground} === {dark!r}")
    # The server writes the choice into the page: no script has to run before it is dark.
    answer = await context.request.get(f"{site.url}/models")
    assert 'data-bs-theme="dark"' in (await answer.text()).partition("<body")[0]


async def test_fifty_formulas_keep_the_policy_and_stay_readable_without_scripts(
    chromium: Browser, page: Page, site: Site
) -> None:
    formulas = "\n\n".join(f"Nr. {n}: $x_{{{n}}}^2 + \\frac{{1}}{{{n + 1}}}$" for n in range(50))
    async with site.app.state.database.transaction() as db:
        await publish(db, "sums", TutorialText("en", "Sums", "Fifty", formulas))
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    await page.goto(f"{site.url}/tutorials/sums")
    await expect(page.locator(".prose .katex")).to_have_count(50)
    assert errors == []
    plain = await chromium.new_context(java_script_enabled=False)
    shown = await plain.new_page()
    await shown.goto(f"{site.url}/tutorials/sums")
    await expect(shown.locator(".prose")).to_contain_text("x_{49}^2 + \\frac{1}{50}")
    await plain.close()


PASTE = """([selector, pictures]) => {
  const data = new DataTransfer();
  pictures.forEach((one, number) => {
    const bytes = Uint8Array.from(atob(one), (letter) => letter.charCodeAt(0));
    data.items.add(new File([bytes], `${number}.png`, { type: "image/png" }));
  });
  const about = { clipboardData: data, bubbles: true, cancelable: true };
  const event = new ClipboardEvent("paste", about);
  document.querySelector(selector).dispatchEvent(event);
}"""


async def test_three_pictures_pasted_into_a_question_become_three_pictures(
    page: Page, site: Site
) -> None:
    await make_user(site.app.state.database, "ada")
    await sign_in(page, site, "ada", "/questions/ask")
    pictures = [base64.b64encode(picture(number)).decode() for number in range(3)]
    await page.fill("[name=title]", "Three pictures")
    await page.evaluate(PASTE, ["[name=body]", pictures])
    three = re.compile(r"(!\[\]\(/pictures/[0-9a-f]+[.]png\)\s*){3}")
    await expect(page.locator("[name=body]")).to_have_value(three)
    await page.click("button[value=preview]")
    await expect(page.locator(".prose img")).to_have_count(3)
    await expect(page.locator(".prose img").last).to_have_js_property("naturalWidth", 30)


async def test_three_pictures_pasted_into_a_tutorial_become_three_pictures(
    page: Page, site: Site
) -> None:
    await make_user(site.app.state.database, "ada")
    await sign_in(page, site, "ada", "/tutorials/new")
    await page.fill("[name=title]", "Ten seeds")
    await page.fill("[name=slug]", "ten-seeds")
    await page.click("main button[type=submit]")
    pictures = [base64.b64encode(picture(number)).decode() for number in range(3)]
    await page.evaluate(PASTE, ["[name=body]", pictures])
    three = re.compile(r"(!\[\]\(/tutorials/pictures/[^)]+\)\s*){3}")
    await expect(page.locator("[name=body]")).to_have_value(three)
    await page.click("button[value=preview]")
    await expect(page.locator(".prose img")).to_have_count(3)
