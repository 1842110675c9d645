"""What every page owes everybody: no barrier that axe finds, nothing wider than a small phone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from app.core.db import Database
from app.core.security import Viewer
from app.questions import service as questions
from app.questions.schemas import QuestionIn
from app.search import service as search
from tests.conftest import Site
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.hub import make_repository

pytestmark = pytest.mark.browser
AXE = Path("node_modules/axe-core/axe.min.js").read_text()
# A colour that is on its way to another one is none to be judged.
STILL = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, *::before, *::after { transition: none !important }");
  document.adoptedStyleSheets = [sheet];
}"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """async (rules) => {
  const found = await axe.run(document, {runOnly: {type: "tag", values: rules}});
  return found.violations.flatMap((one) =>
    one.nodes.map((node) => `${one.id}: ${node.target.join(" ")} ${node.any[0]?.message ?? ""}`));
}"""
WIDEST = """() => document.documentElement.scrollWidth <= 320 ? "" :
  [...document.querySelectorAll("*")]
  .filter((one) => one.getBoundingClientRect().right > 321)
  .map((one) => one.tagName + "." + one.className).slice(0, 4).join(" | ")"""
CARD = b"---\nlicense: mit\ntags: [vision]\n---\n# Net\n\n| a | b |\n| - | - |\n| 1 | 2 |\n"
_PUBLIC = """
/ /models /datasets /tutorials /tutorials/first-fine-tune /questions /tags /tags/nlp
/questions/1 /questions/by/ada /collections
/search?q=net /search /login /signup /forgot-password /ada /ada/net /ada/net/tree/main
/ada/net/blob/main/README.md /ada/net/commits/main /ada/net/discussions /nowhere/at-all
"""
_OWN = """
/ /jobs /fine-tune /new /new?kind=dataset /settings/profile /settings/tokens /settings/sessions
/settings/password /settings/email /settings/organizations /organizations/new /collections/new
/sweeps /questions/ask /questions/1 /drafts /posts/1/edit
/notifications /pictures /imports /ada/net/settings /ada/net/upload/main
/ada/net/discussions/new /search?q=net
"""


@dataclass
class Checked:
    """A page in both themes, each in the width where it is used most, and on a small phone."""

    page: Page
    site: Site

    async def problems(self, path: str) -> list[str]:
        page = self.page
        await page.set_viewport_size({"width": 1280, "height": 900})
        await page.goto(f"{self.site.url}{path}")
        await page.evaluate(AXE)
        await page.evaluate(STILL)
        found = await self._run("light, 1280")
        await page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
        await page.set_viewport_size({"width": 360, "height": 780})
        found += await self._run("dark, 360")
        await page.set_viewport_size({"width": 320, "height": 640})
        wide: Any = await page.evaluate(WIDEST)
        return [
            f"{path}: {one}" for one in [*found, *([f"wider than 320: {wide}"] if wide else [])]
        ]

    async def _run(self, how: str) -> list[str]:
        found: list[str] = await self.page.evaluate(RUN, RULES)
        return [f"({how}) {one}" for one in found]


async def fill(site: Site) -> None:
    """Put a person with a model and a discussion into the site, in a loop of their own."""
    database = Database(site.settings.database_url)
    storage = site.app.state.storage
    ada = await make_user(database, "ada")
    await make_repository(database, storage, ada, "net", files={"README.md": CARD})
    viewer = Viewer(user_id=ada.id, name=ada.name)
    async with database.transaction() as db:
        await questions.plant_tags(db)
        asked = QuestionIn(title="Why does it overfit?", body="`lr` is $10^{-3}$.", tags=["nlp"])
        made = await questions.ask(db, viewer, asked)
        patch = "Less:\n\n```recipe-patch\ntrain.batch_size: 4\n```"
        await questions.answer(db, viewer, made.id, patch)
    await search.catch_up(database, storage)
    await database.close()


async def test_no_page_has_a_barrier_or_is_too_wide(chromium: Browser, site: Site) -> None:
    await fill(site)
    context = await chromium.new_context(color_scheme="light", reduced_motion="reduce")
    page = await context.new_page()
    checked = Checked(page, site)
    problems = [one for path in _PUBLIC.split() for one in await checked.problems(path)]
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.goto(f"{site.url}/login")
    await page.fill("input[name=login]", "ada")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button[type=submit]")
    problems += [one for path in _OWN.split() for one in await checked.problems(path)]
    await context.close()
    assert not problems, "\n".join(problems)
