"""Letters: handed in with a transaction, sent later, tried again, and never lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text, update

from app.cli import main
from app.core.clock import now
from app.core.db import Database
from app.core.errors import InvalidError
from app.core.settings import Settings
from app.mail import service
from app.mail.background import run_outbox
from app.mail.schemas import Letter, LetterState
from app.mail.tables import QueuedLetter
from tests.factories.mail import PostOffice, post_office


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with post_office() as running:
        yield running


@pytest.fixture
def posting(settings: Settings, office: PostOffice) -> Settings:
    """Settings of a site that sends letters through the post office."""
    return settings.model_copy(update={"smtp_url": SecretStr(office.url), "mail_from": "S <s@e.x>"})


async def hand_in(database: Database, *letters: Letter) -> None:
    async with database.transaction() as db:
        for letter in letters:
            await service.enqueue(db, letter)


async def states(database: Database) -> list[tuple[LetterState, int, str]]:
    async with database.transaction() as db:
        letters = await service.letters_page(db)
    return [(one.state, one.attempts, one.last_error) for one in reversed(letters)]


async def make_due(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(update(QueuedLetter).values(next_try_at=now()))


def letter(to: str = "ada@example.org", **more: object) -> Letter:
    return Letter(to, "greeting", "Hello 你好", "Words", **more)  # type: ignore[arg-type]


async def test_a_letter_arrives_with_both_bodies_and_the_headers_it_was_given(
    database: Database, posting: Settings, office: PostOffice
) -> None:
    headers = {
        "Message-ID": "<one@example.org>",
        "List-Unsubscribe": "<https://site.example/u/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    await hand_in(database, letter(html="<p>Words</p>", headers=headers))
    assert await service.send_due(database, posting) == 1
    [arrived] = office.letters
    assert (arrived["To"], arrived["From"], arrived["Subject"]) == (
        "ada@example.org",
        "S <s@e.x>",
        "Hello 你好",
    )
    assert {name: arrived[name] for name in headers} == headers
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in arrived.iter_parts()] == [
        "text/plain",
        "text/html",
    ]


async def test_what_a_letter_said_is_forgotten_once_it_was_sent(
    database: Database, posting: Settings
) -> None:
    await hand_in(database, letter(html="<p>secret</p>"))
    await service.send_due(database, posting)
    async with database.transaction() as db:
        [row] = await service.letters_page(db)
    assert (row.state, row.text, row.html) == (LetterState.SENT, "", "")
    assert row.sent_at is not None


async def test_a_transaction_that_fails_sends_no_letter(
    database: Database, posting: Settings, office: PostOffice
) -> None:
    async def changed_their_mind() -> None:
        async with database.transaction() as db:
            await service.enqueue(db, letter())
            raise InvalidError("no")

    with pytest.raises(InvalidError):
        await changed_their_mind()
    assert await service.send_due(database, posting) == 0
    assert office.letters == []


async def test_of_two_letters_with_one_key_the_first_is_sent(
    database: Database, posting: Settings, office: PostOffice
) -> None:
    await hand_in(database, letter(dedupe_key="a"), letter(dedupe_key="a"), letter(), letter())
    await service.send_due(database, posting)
    assert len(office.letters) == 3


async def test_two_processes_send_each_letter_once(
    database: Database, posting: Settings, office: PostOffice
) -> None:
    await hand_in(database, *(letter(f"p{number}@example.org") for number in range(30)))
    while sum(await asyncio.gather(*(service.send_due(database, posting) for _ in range(3)))):
        continue
    assert sorted(str(one["To"]) for one in office.letters) == sorted(
        f"p{number}@example.org" for number in range(30)
    )


async def test_a_server_that_is_away_loses_no_letter(
    database: Database, settings: Settings, posting: Settings, office: PostOffice
) -> None:
    away = settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:1")})
    await hand_in(database, letter("a@example.org"), letter("b@example.org"))
    for attempt in (1, 2):
        await service.send_due(database, away)
        assert [row[:2] for row in await states(database)] == [(LetterState.QUEUED, attempt)] * 2
        assert await service.send_due(database, posting) == 0  # not before the wait is over
        await make_due(database)
    await service.send_due(database, posting)
    assert len(office.letters) == 2


async def test_a_wrong_password_at_the_server_makes_letters_wait(
    database: Database, settings: Settings
) -> None:
    async with post_office(password="right") as office:
        for password, taken in (("wrong", 0), ("right", 1)):
            url = f"smtp://site:{password}@127.0.0.1:{office.port}?starttls=never"
            with_password = settings.model_copy(update={"smtp_url": SecretStr(url)})
            await hand_in(database, *([letter()] if password == "wrong" else []))
            await service.send_due(database, with_password)
            assert len(office.letters) == taken, await states(database)
            await make_due(database)


async def test_a_refused_address_gets_no_more_letters_and_the_others_get_theirs(
    database: Database, posting: Settings, office: PostOffice
) -> None:
    office.refused["gone@example.org"] = "550 5.1.1 No such mailbox"
    await hand_in(database, letter("gone@example.org"), letter("ada@example.org"))
    await service.send_due(database, posting)
    assert [str(one["To"]) for one in office.letters] == ["ada@example.org"]
    failed, sent = await states(database)
    assert failed == (LetterState.FAILED, 1, "550 5.1.1 No such mailbox")
    assert sent[0] is LetterState.SENT
    office.refused.clear()
    await hand_in(database, letter("Gone@example.org"))
    await service.send_due(database, posting)
    assert (await states(database))[-1][0] is LetterState.FAILED
    async with database.transaction() as db:
        await service.lift_suppression(db, "gone@example.org")
    await hand_in(database, letter("gone@example.org"))
    await service.send_due(database, posting)
    assert len(office.to("gone@example.org")) == 1


async def test_a_letter_put_off_is_tried_again_and_holds_up_no_other(
    database: Database, posting: Settings, office: PostOffice
) -> None:
    office.refused["busy@example.org"] = "450 4.2.1 Try later"
    await hand_in(database, letter("busy@example.org"), letter("ada@example.org"))
    await service.send_due(database, posting)
    assert [row[0] for row in await states(database)] == [LetterState.QUEUED, LetterState.SENT]
    office.refused.clear()
    await make_due(database)
    await service.send_due(database, posting)
    assert len(office.to("busy@example.org")) == 1


async def test_an_address_nobody_can_write_to_fails_alone(
    database: Database, posting: Settings, office: PostOffice
) -> None:
    await hand_in(database, letter("a,b <c>@"), letter("ada@example.org\nBcc: eve@example.org"))
    await hand_in(database, letter("ada@example.org"))
    await service.send_due(database, posting)
    assert "eve@example.org" not in [str(one["To"]) for one in office.letters]
    assert (await states(database))[-1][0] is LetterState.SENT


async def test_the_loop_sends_by_itself_as_soon_as_a_letter_is_handed_in(
    app: FastAPI, database: Database, posting: Settings, office: PostOffice
) -> None:
    app.state.settings = posting
    loop = asyncio.create_task(run_outbox(app))
    await hand_in(database, letter())
    async with asyncio.timeout(5):
        await office.arrived.wait()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_without_a_server_letters_wait(
    database: Database, settings: Settings, posting: Settings, office: PostOffice
) -> None:
    await hand_in(database, letter())
    assert await service.send_due(database, settings) == 0
    assert (await states(database))[0][:2] == (LetterState.QUEUED, 0)
    await service.send_due(database, posting)
    assert len(office.letters) == 1


@pytest.mark.parametrize(
    "url", ["post.example", "http://post.example", "smtp://post.example?tls=1", "smtp://"]
)
async def test_an_address_of_a_server_that_cannot_be_read_is_named(
    settings: Settings, url: str
) -> None:
    wrong = settings.model_copy(update={"smtp_url": SecretStr(url)})
    with pytest.raises(InvalidError, match="TUNINGFORK_SMTP_URL"):
        await service.check_server(wrong)


async def test_news_that_waited_a_month_is_given_up(database: Database) -> None:
    await hand_in(database, letter())
    async with database.transaction() as db:
        await db.execute(text("UPDATE mail_letter SET created_at = now() - interval '31 days'"))
    async with database.transaction() as db:
        await service.tidy(db)
    assert (await states(database))[0][0] is LetterState.FAILED


async def test_an_operator_sends_a_test_letter(
    postgres_url: str,
    database: Database,
    posting: Settings,
    office: PostOffice,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    run = await asyncio.to_thread(CliRunner().invoke, main, ["mail", "test", "op@example.org"])
    assert run.exit_code == 0, run.output
    await service.send_due(database, posting)
    assert "Letters work" in str(office.to("op@example.org")[0]["Subject"])


@pytest.mark.parametrize("address", ['.:a@a",', "a:b@["])
async def test_a_letter_that_cannot_be_written_fails_alone(
    database: Database, posting: Settings, office: PostOffice, address: str
) -> None:
    await hand_in(database, letter(address), letter())
    await service.send_due(database, posting)
    assert [one[0] for one in await states(database)] == [LetterState.FAILED, LetterState.SENT]
