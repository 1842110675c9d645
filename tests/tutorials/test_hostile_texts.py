"""Texts made to keep the site busy are read, listed and compared like any other."""

import io
import random

import pytest
from PIL import Image

from tests.tutorials.conftest import School
from tests.tutorials.test_writing import begun, draft, published

LONGEST = 200_000
_dice = random.Random(7)
ALIKE = "a\n" * (LONGEST // 2)
SHUFFLED = "".join(f"{_dice.randrange(60)}\n" for _n in range(60_000))
WORDS = " ".join(_dice.choice("abcdefghij") for _n in range(2_400))


async def test_a_text_of_fences_that_never_end_is_listed_and_shown(school: School) -> None:
    await school.publish("Words.\n" + "```a\n" * (LONGEST // 5 - 2))
    assert "Lesson" in (await school.get("/tutorials")).text
    assert '"timeRequired": "PT1M"' in (await school.get("/tutorials/lesson")).text


async def test_what_stands_in_code_takes_no_time_to_read(school: School) -> None:
    code = "word " * 1000
    await school.publish(f"Words.\n\n```py\n~~~\n{code}\n```\n\n~~~~\n```\n{code}\n~~~~\n" + code)
    assert '"timeRequired": "PT5M"' in (await school.get("/tutorials/lesson")).text


@pytest.mark.parametrize(
    ("old", "new"),
    [(ALIKE, f"b\n{ALIKE[2:]}"), (SHUFFLED, SHUFFLED[::-1]), (WORDS, WORDS[::-1])],
    ids=["alike", "shuffled", "words"],
)
async def test_versions_made_to_be_hard_to_compare_are_compared(
    school: School, old: str, new: str
) -> None:
    await school.publish(old)
    await school.publish(new)
    page = await school.get("/tutorials/lesson/history")
    assert page.status_code == 200
    assert "<ins>" in page.text


async def test_a_clash_between_long_texts_shows_both(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        await browser.post("/tutorials/my-run/draft", data=draft(1, ALIKE))
        clash = await browser.post("/tutorials/my-run/write", data=draft(1, SHUFFLED))
    assert clash.status_code == 412
    assert "changed in another window" in clash.text


async def test_a_text_that_is_too_long_is_refused_without_being_read(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        page = await published(browser, "```a\n" * 60_000)
    assert "This is longer than 200000 characters." in page


@pytest.mark.parametrize("mode", ["RGB", "P", "LA", "CMYK"])
async def test_a_large_picture_becomes_small_and_stands_upright(school: School, mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # on its side
    out = io.BytesIO()
    kind = "JPEG" if mode in {"RGB", "CMYK"} else "PNG"
    Image.new(mode, (2400, 1200)).save(out, kind, exif=exif)
    async with school.browser("ada") as browser:
        await begun(browser)
        answer = await browser.post(
            "/tutorials/my-run/pictures",
            files={"picture": ("p", out.getvalue(), "image/png")},
            headers={"Accept": "application/json"},
        )
        shown = await browser.get(answer.json()["url"])
    assert Image.open(io.BytesIO(shown.content)).size == (1000, 2000)
