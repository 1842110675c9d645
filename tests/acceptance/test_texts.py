"""What people write: Chinese that reads as it was meant, versions that stay, clean pictures."""

import io
from pathlib import Path

import pytest
import yaml
from PIL import Image, PngImagePlugin

from tests.acceptance.conftest import Village

CASES = yaml.safe_load((Path(__file__).parent / "markdown.yaml").read_text(encoding="utf-8"))


def test_there_are_thirty_cases_in_both_languages() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize("case", CASES, ids=[one["written"][:20] for one in CASES])
async def test_a_text_becomes_exactly_this_markup(village: Village, case: dict[str, str]) -> None:
    async with village.browser("ada") as ada:
        form = {"title": "Title", "body": case["written"], "action": "preview"}
        page = (await ada.post("/questions", data=form)).text
    shown = page.partition('<div class="prose prose-wide">')[2]
    assert shown.lstrip().startswith(case["shown"])


async def _published(village: Village, body: str, revision: int) -> None:
    async with village.browser("ada") as ada:
        text = {"title": "My run", "summary": "Short.", "body": body, "language": "en"}
        data = {**text, "revision": revision, "action": "publish"}
        answer = await ada.post("/tutorials/my-run/write", data=data)
        assert answer.status_code == 303, answer.text


async def test_a_version_that_was_published_stays_when_the_next_one_comes(
    village: Village,
) -> None:
    async with village.browser("ada") as ada:
        new = {"slug": "my-run", "title": "My run", "language": "en"}
        assert (await ada.post("/tutorials/new", data=new)).status_code == 303
    await _published(village, "First words.\n", 1)
    first = (await village.get("/api/v1/tutorials/my-run?v=1")).json()
    await _published(village, "Second words.\n", 0)
    assert (await village.get("/api/v1/tutorials/my-run?v=1")).json()["body"] == first["body"]
    assert "First words." in await village.page("/tutorials/my-run?v=1")
    assert "Second words." in await village.page("/tutorials/my-run")


def picture(number: int) -> bytes:
    """Return a PNG that says where it was taken."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Place", "SecretPlace")
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    out = io.BytesIO()
    image = Image.new("RGB", (30, 20), (number * 40, 30, 30))
    image.save(out, "PNG", pnginfo=notes, exif=exif)
    return out.getvalue()


async def test_a_picture_loses_what_is_not_a_pixel_and_a_drawing_program_is_refused(
    village: Village,
) -> None:
    async with village.browser("ada") as ada:
        await ada.post(
            "/tutorials/new", data={"slug": "my-run", "title": "My run", "language": "en"}
        )
        sent = await ada.post(
            "/tutorials/my-run/pictures",
            files={"picture": ("p.png", picture(1), "image/png")},
            headers={"Accept": "application/json"},
        )
        kept = (await ada.get(sent.json()["url"])).content
        svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
        refused = await ada.post(
            "/tutorials/my-run/pictures", files={"picture": ("p.svg", svg, "image/svg+xml")}
        )
    assert b"Secret" in picture(1)
    assert b"Secret" not in kept
    assert refused.status_code == 422
