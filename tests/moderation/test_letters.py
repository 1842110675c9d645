"""What somebody is written when the moderators decided about them."""

from email.message import EmailMessage

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app.core.db import Database
from app.core.settings import Settings
from tests.factories.mail import post_office, send_letters
from tests.moderation.conftest import Town


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "smtp_url": SecretStr("smtp://127.0.0.1:1?starttls=never"),
            "site_url": "https://fork.example",
        }
    )


def _plain(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_the_silenced_are_written_why_until_when_and_where_to_appeal(
    town: Town, database: Database, settings: Settings
) -> None:
    async with database.transaction() as db:
        await db.execute(text("UPDATE accounts_user SET email_confirmed_at = now()"))
    await town.silence("nik", reason="Too much noise.")
    async with post_office() as office:
        served = settings.model_copy(update={"smtp_url": SecretStr(office.url)})
        await send_letters(database, served)
    (letter,) = office.to("nik@example.org")
    words = _plain(letter)
    assert "Too much noise." in words
    assert "UTC" in words
    address = next(word for word in words.split() if "/moderation/appeal/" in word)
    page = await town.page(address.removeprefix("https://fork.example"))
    assert "Appeal against a decision" in page


async def test_nobody_is_written_to_an_address_that_may_be_a_strangers(
    town: Town, database: Database
) -> None:
    await town.silence("nik")
    async with database.transaction() as db:
        assert await db.scalar(text("SELECT count(*) FROM mail_letter")) == 0


async def test_a_chinese_letter_ends_its_sentence_as_chinese_does(
    town: Town, database: Database, settings: Settings
) -> None:
    async with database.transaction() as db:
        await db.execute(
            text("UPDATE accounts_user SET email_confirmed_at = now(), language = 'zh-CN'")
        )
    await town.silence("nik")
    async with post_office() as office:
        served = settings.model_copy(update={"smtp_url": SecretStr(office.url)})
        await send_letters(database, served)
    (letter,) = office.to("nik@example.org")
    sentence = next(line for line in _plain(letter).splitlines() if "版主" in line)
    assert sentence.endswith("。")
