"""The fine-tune form in a real browser: fields and text are one recipe, the doctor answers."""

import re

import pytest
from fastapi import FastAPI
from playwright.async_api import Page, expect

from app.core.db import Database
from tests.conftest import Site
from tests.factories.accounts import PASSWORD, make_user
from tests.jobs_pages.shelf import Shelf, stock

pytestmark = pytest.mark.browser


@pytest.fixture
async def form(page: Page, site: Site, app: FastAPI, database: Database) -> Page:
    """The form, opened by Ada, who has a model and a data set that fit together."""
    await stock(Shelf(app, database, await make_user(database, "ada")))
    await page.goto(f"{site.url}/login?next=/fine-tune")
    await page.locator("main input[name=login]").fill("ada")
    await page.locator("main input[name=password]").fill(PASSWORD)
    await page.locator("main form button").first.click()
    await page.wait_for_url("**/fine-tune")
    return page


async def choose(form: Page) -> None:
    await form.locator("[data-fill=data]").first.click()
    await expect(form.locator(".histogram")).to_be_visible()
    await form.locator("[data-fill=base]").first.click()
    await expect(form.locator("#summary")).to_contain_text("Ready to start")


async def test_choosing_data_and_base_fills_the_recipe(form: Page) -> None:
    await choose(form)
    text = await form.locator("#recipe").input_value()
    assert "repo: ada/pets" in text
    assert "repo: ada/lite0" in text
    assert "name: lite0-pets" in text


async def test_a_field_changes_the_text_and_keeps_its_comments(form: Page) -> None:
    recipe = form.locator("#recipe")
    await recipe.fill("# mine\n" + await recipe.input_value())
    await form.locator("#recipe-train-stages-0-epochs").fill("7")
    await form.locator("#recipe-train-stages-0-epochs").press("Tab")
    text = await recipe.input_value()
    assert text.startswith("# mine\n")
    assert "epochs: 7" in text


async def test_the_text_changes_the_fields(form: Page) -> None:
    recipe = form.locator("#recipe")
    await recipe.fill((await recipe.input_value()).replace("epochs: 3", "epochs: 11"))
    await expect(form.locator("#recipe-train-stages-0-epochs")).to_have_value("11")
    await expect(form.locator("#summary .summary-stages")).to_contain_text("11 epochs")


async def test_a_wrong_key_is_told_while_typing(form: Page) -> None:
    await choose(form)
    recipe = form.locator("#recipe")
    await recipe.fill((await recipe.input_value()).replace("epochs: 3", "epoch: 3"))
    await expect(form.locator("#check")).to_contain_text("Did you mean `epochs`?")
    await expect(form.locator("#summary")).to_contain_text("to mend")


async def test_a_preset_replaces_the_way_but_not_the_choice(form: Page) -> None:
    await choose(form)
    await form.get_by_text("Gradual unfreezing").first.click()
    await expect(form.locator("#recipe")).to_have_value(re.compile("gradual_unfreezing"))
    text = await form.locator("#recipe").input_value()
    assert "repo: ada/pets" in text
    assert "lr_by_group" not in text


async def test_start_leads_to_the_page_of_the_run(form: Page) -> None:
    await choose(form)
    await form.locator(".form-actions").get_by_role("button", name="Start").click()
    await form.wait_for_url(re.compile(r"/jobs/\d+$"))
    await expect(form.locator("#run-head")).to_contain_text("Waiting")
