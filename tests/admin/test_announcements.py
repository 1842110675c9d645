"""Announcements stand on every page of those they are for, in their language, in their time."""

from datetime import timedelta

from app.core.clock import now
from tests.admin.conftest import Office

WORDS = {"text_en": "We move on Sunday.", "text_zh": "本站周日搬迁。"}


async def announce(office: Office, **more: object) -> int:
    answer = await office.api("POST", "/announcements", {**WORDS, **more})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def test_an_announcement_is_on_the_next_page_in_the_readers_language(office: Office) -> None:
    await announce(office)
    assert "We move on Sunday." in await office.page("/models", "")
    assert "本站周日搬迁。" in await office.page("/models?lang=zh-CN", "")


async def test_it_shows_from_its_beginning_until_its_end(office: Office) -> None:
    later, soon = now() + timedelta(hours=1), now() + timedelta(hours=2)
    await announce(office, starts_at=later.isoformat())
    assert "We move" not in await office.page("/models", "")
    number = await announce(office, ends_at=soon.isoformat())
    assert "We move" in await office.page("/models", "")
    one = next(one for one in office.app.state.runtime.announcements if one.id == number)
    one.ends_at = now() - timedelta(seconds=1)
    assert "We move" not in await office.page("/models", "")


async def test_it_is_shown_to_its_audience_only(office: Office) -> None:
    await announce(office, audience="staff")
    assert "We move" not in await office.page("/models", "ada")
    assert "We move" in await office.page("/models", "ruth")


async def test_a_reader_puts_it_away_and_it_stays_away(office: Office) -> None:
    number = await announce(office)
    await office.client.post(f"/announcements/{number}/dismiss", data={"next": "/models"})
    assert "We move" not in await office.page("/models", "")
    await announce(office, text_en="Another one", is_dismissible=False)
    assert "Another one" in await office.page("/models", "")


async def test_withdrawing_ends_it_and_both_acts_are_audited(office: Office) -> None:
    number = await announce(office)
    assert (await office.api("DELETE", f"/announcements/{number}")).status_code == 204
    assert "We move" not in await office.page("/models", "")
    made, withdrawn = await office.audited("announcements.")
    assert made.after["text_en"] == withdrawn.before["text_en"] == WORDS["text_en"]


async def test_one_without_words_or_with_a_past_end_is_refused(office: Office) -> None:
    past = (now() - timedelta(hours=1)).isoformat()
    for wrong in ({"text_en": " "}, {**WORDS, "ends_at": past}):
        answer = await office.api("POST", "/announcements", wrong)
        assert answer.status_code == 422, wrong


async def test_the_form_keeps_what_was_typed_beside_the_reason(office: Office) -> None:
    await office.browse()
    answer = await office.form("/admin/announcements", text_en="Hello", starts_at="tomorrow")
    assert answer.status_code == 422
    assert "Hello</textarea>" in answer.text
    good = await office.form("/admin/announcements", text_en="Hello", is_dismissible="true")
    assert good.headers["location"] == "/admin/announcements?saved=1"
    assert "Hello" in await office.page("/models", "")
