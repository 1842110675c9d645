"""The audit is read, narrowed and taken away; letters are looked after."""

import csv
import io
import json

from app.mail import service as mail
from app.mail.schemas import LetterState
from app.mail.tables import QueuedLetter, SuppressedAddress
from tests.admin.conftest import Office


async def test_the_log_is_narrowed_by_person_action_and_target(office: Office) -> None:
    await office.api("PUT", "/settings/newcomer_links", {"value": "4"})
    await office.api("PUT", "/flags/posting", {"way": "off"})
    every = (await office.api("GET", "/audit")).json()
    assert [one["action"] for one in every] == ["flags.changed", "settings.changed"]
    assert len((await office.api("GET", "/audit?action=flags")).json()) == 1
    assert len((await office.api("GET", "/audit?who=ruth")).json()) == 2
    assert (await office.api("GET", "/audit?who=nobody")).json() == []
    assert "settings.changed" in await office.page("/admin/audit?target=setting:newcomer_links")


async def test_the_log_can_be_taken_away_as_csv_and_json(office: Office) -> None:
    await office.api("PUT", "/settings/banned_words", {"value": "=HYPERLINK(1)"})
    table = list(csv.DictReader(io.StringIO(await office.page("/admin/audit/export.csv"))))
    assert table[0]["action"] == "settings.changed"
    lines = (await office.page("/admin/audit/export.json")).splitlines()
    assert json.loads(lines[0])["after"] == {"value": "=HYPERLINK(1)"}
    assert all(not cell.startswith("=") for row in table for cell in row.values())


async def test_the_page_says_that_the_chain_holds(office: Office) -> None:
    await office.api("PUT", "/flags/posting", {"way": "off"})
    await office.browse()
    assert "The chain holds: 1 entry." in (await office.form("/admin/audit/verify")).text
    assert (await office.api("GET", "/audit/verdict")).json()["broken_at"] is None


async def test_a_test_letter_is_queued_and_a_failed_one_is_tried_again(office: Office) -> None:
    answer = await office.api("POST", "/mail/test", {"address": "ada@example.org"})
    assert answer.status_code == 202
    async with office.database.transaction() as db:
        (letter,) = await mail.letters_page(db)
        letter.state, letter.last_error = LetterState.FAILED, "550 No such mailbox"
    assert "550 No such mailbox" in await office.page("/admin/mail?state=failed")
    again = await office.api("POST", f"/mail/{letter.id}/again")
    assert again.status_code == 202
    async with office.database.transaction() as db:
        found = await db.get(QueuedLetter, letter.id)
        assert found is not None
        assert found.state is LetterState.QUEUED
    actions = [one.action for one in await office.audited("mail.")]
    assert actions == ["mail.tested", "mail.sent_again"]


async def test_no_address_is_refused_beside_the_form(office: Office) -> None:
    await office.browse()
    answer = await office.form("/admin/mail/test", address="nobody")
    assert answer.status_code == 422
    assert "Write an e-mail address" in answer.text


async def test_letters_go_to_a_refused_address_again_once_somebody_says_so(office: Office) -> None:
    async with office.database.transaction() as db:
        db.add(SuppressedAddress(address="ada@example.org", reason="550"))
    assert "Write to it again" in await office.page("/admin/mail")
    await office.browse()
    await office.form("/admin/mail/lift", address="ada@example.org")
    assert "Write to it again" not in await office.page("/admin/mail", who="")
