"""Writing in the browser: drafts nobody loses, versions that never change, clean pictures."""

import io
from typing import Any

import httpx
import pytest
from PIL import Image

from app.accounts.service import Gone
from app.tutorials.service import erase_person
from tests.tutorials.conftest import School, body_with, recipe_text

NEW = {"slug": "my-run", "title": "My run", "language": "en"}


def draft(revision: int, body: str = "Words.\n", **more: Any) -> dict[str, Any]:
    return {
        "language": "en",
        "title": "My run",
        "summary": "What I learned.",
        "body": body,
        "revision": revision,
        **more,
    }


async def begun(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/tutorials/new", data=NEW)
    assert answer.status_code == 303, answer.text


async def published(browser: httpx.AsyncClient, body: str = "Words.\n", revision: int = 1) -> str:
    data = draft(revision, body, action="publish")
    answer = await browser.post("/tutorials/my-run/write", data=data)
    return answer.text if answer.status_code != 303 else ""


async def test_a_draft_survives_in_another_browser_and_is_nobody_elses(school: School) -> None:
    async with school.browser("ada") as first:
        await begun(first)
        saved = await first.post("/tutorials/my-run/draft", data=draft(1, "Half a sentence"))
        assert saved.json() == {"revision": 2}
    async with school.browser("ada") as second:
        assert "Half a sentence" in (await second.get("/tutorials/my-run/write")).text
    async with school.browser("eve") as other:
        assert (await other.get("/tutorials/my-run/write")).status_code == 404
        assert (await other.get("/tutorials/my-run")).status_code == 404
        assert "My run" not in (await other.get("/tutorials")).text


async def test_a_second_window_never_overwrites_in_silence(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        await browser.post("/tutorials/my-run/draft", data=draft(1, "From the first window"))
        clash = await browser.post("/tutorials/my-run/draft", data=draft(1, "From the second"))
        assert clash.status_code == 412
        page = await browser.post("/tutorials/my-run/write", data=draft(1, "From the second"))
        assert page.status_code == 412
        assert "changed in another window" in page.text
        assert "<del>second</del>" in page.text
        assert 'name="revision" value="2"' in page.text
        kept = await browser.get("/tutorials/my-run/write")
    assert "From the first window" in kept.text


async def test_a_preview_looks_like_the_page_and_is_not_public(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        page = await browser.post(
            "/tutorials/my-run/write", data=draft(1, "**bold** words\n", action="preview")
        )
    assert "<strong>bold</strong> words" in page.text
    assert (await school.get("/tutorials/my-run")).status_code == 404


async def test_a_published_version_stays_what_it_was(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        assert await published(browser, "First words.\n") == ""
        await browser.post("/tutorials/my-run/draft", data=draft(0, "Second words.\n"))
        assert "First words." in (await school.get("/tutorials/my-run")).text
        assert await published(browser, "Second words.\n") == ""
    newest = (await school.get("/tutorials/my-run")).text
    old = (await school.get("/tutorials/my-run?v=1")).text
    assert "Second words." in newest
    assert "First words." in old
    assert "there is a newer one" in old


async def test_the_history_tells_what_changed_word_by_word(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        await published(browser, "A small rate is best.\n")
        await published(browser, "A large rate is best.\n", revision=0)
    page = (await school.get("/tutorials/my-run/history")).text
    assert "<del>small</del><ins>large</ins>" in page


async def test_a_translation_says_how_far_it_is_behind(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        await published(browser, "One.\n")
        twin = draft(0, "一。\n", language="zh-CN", action="publish")
        assert (await browser.post("/tutorials/my-run/write", data=twin)).status_code == 303
        fresh = (await browser.get("/tutorials/my-run?lang=zh-CN")).text
        await published(browser, "One. Two.\n", revision=0)
        late = (await browser.get("/tutorials/my-run?lang=zh-CN")).text
    assert "落后原文" not in fresh
    assert "落后原文 1 个版本" in late
    assert "/tutorials/my-run/history?lang=en&amp;older=1&amp;newer=2" in late


async def test_an_old_address_leads_to_the_new_one(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        await published(browser)
        await browser.post("/tutorials/my-run/place", data={"slug": "our-run"})
    moved = await school.get("/tutorials/my-run?lang=en")
    assert moved.status_code == 308
    assert moved.headers["location"] == "/tutorials/our-run?lang=en"


async def test_a_recipe_that_does_not_run_is_named_with_its_line_and_key(school: School) -> None:
    broken = body_with(recipe_text().replace("batch_size", "batch_sise"))
    async with school.browser("ada") as browser:
        await begun(browser)
        page = await published(browser, broken)
    assert "recipe 1, line 16: train.batch_sise" in page
    assert "Did you mean `batch_size`?" in page
    assert "batch_sise" in page  # what was typed is still in the form


async def test_the_doctor_looks_at_the_data_of_a_recipe_before_it_is_published(
    school: School,
) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        lost = recipe_text(data={"train": {"repo": "ada/lost"}})
        assert "ada/lost" in await published(browser, body_with(lost))
        assert await published(browser, body_with(recipe_text()), revision=2) == ""


@pytest.mark.parametrize("slug", ["new", "Ümlaut", "two  words", "-a", "x" * 81, ""])
async def test_an_address_that_cannot_be_used_is_refused(school: School, slug: str) -> None:
    async with school.browser("ada") as browser:
        answer = await browser.post("/tutorials/new", data=NEW | {"slug": slug})
    assert answer.status_code == 422
    assert "This address cannot be used." in answer.text


def photo() -> bytes:
    image = Image.new("RGB", (40, 20), (200, 30, 30))
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


async def test_a_picture_is_kept_without_what_the_camera_wrote(school: School) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        answer = await browser.post(
            "/tutorials/my-run/pictures",
            files={"picture": ("p.jpg", photo(), "image/jpeg")},
            headers={"Accept": "application/json"},
        )
        url = answer.json()["url"]
        shown = await browser.get(url)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert "sandbox" in shown.headers["content-security-policy"]
    assert b"SecretCamera" in photo()
    assert b"SecretCamera" not in shown.content
    assert (await school.get(url)).status_code == 404  # still a draft's


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"", b"\x89PNG\r\n"]
)
async def test_what_is_no_picture_is_refused(school: School, content: bytes) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        answer = await browser.post(
            "/tutorials/my-run/pictures", files={"picture": ("p.svg", content, "image/svg+xml")}
        )
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


async def test_chapters_lead_on_and_tell_which_are_read(school: School) -> None:
    async with school.browser("ada") as browser:
        for number, slug in enumerate(("one", "two"), start=1):
            await browser.post("/tutorials/new", data=NEW | {"slug": slug, "title": slug.upper()})
            place = {"slug": slug, "series": "course", "series_title": "The course"}
            answer = await browser.post(
                f"/tutorials/{slug}/place", data=place | {"chapter": number}
            )
            assert answer.status_code == 303, answer.text
            data = draft(1, action="publish") | {"title": slug.upper()}
            assert (await browser.post(f"/tutorials/{slug}/write", data=data)).status_code == 303
        await browser.post("/tutorials/one/read", data={"value": "1"})
        page = (await browser.get("/tutorials/one")).text
        course = (await browser.get("/tutorials/series/course")).text
    assert 'rel="next"' in page
    assert "You have read this" in page
    assert "1 of 2 chapters read" in course


async def test_a_comment_is_hidden_by_the_owner_and_not_by_a_reader(school: School) -> None:
    async with school.browser("ada") as ada, school.browser("eve") as eve:
        await begun(ada)
        await published(ada)
        said = await eve.post("/tutorials/my-run/comments", data={"comment": "I got *92 %*."})
        number = said.headers["location"].rpartition("-")[2]
        assert "<em>92 %</em>" in (await ada.get("/tutorials/my-run")).text
        async with school.browser("bob") as bob:
            refused = await bob.post(f"/tutorials/my-run/comments/{number}/hide")
            assert refused.status_code == 403
        await ada.post(f"/tutorials/my-run/comments/{number}/hide")
        assert "<em>92 %</em>" not in (await eve.get("/tutorials/my-run")).text


async def test_a_program_writes_and_publishes_too(school: School) -> None:
    made = await school.post("/api/v1/tutorials", {"slug": "by-api", "title": "By API"})
    assert (made.status_code, made.json()["revision"]) == (201, 1)
    body = {"title": "By API", "summary": "Short.", "body": "Words.\n", "revision": 1}
    kept = await school.client.put(
        "/api/v1/tutorials/by-api/drafts/en", json=body, headers=school.headers["ada"]
    )
    assert kept.json()["revision"] == 2
    foreign = await school.post("/api/v1/tutorials/by-api/publish", {}, "eve")
    assert foreign.status_code == 404
    done = await school.post("/api/v1/tutorials/by-api/publish", {"note": "First."})
    assert done.json()["version"] == 1
    assert (await school.get("/api/v1/tutorials/by-api")).json()["body"] == "Words.\n"


async def test_a_page_tells_search_engines_its_twins_and_breaks_out_of_nothing(
    school: School,
) -> None:
    await school.publish("Words.\n", title="</script><b>x")
    await school.publish("字。\n", language="zh-CN", title="课")
    page = (await school.client.get("/tutorials/lesson", headers={"Accept": "text/html"})).text
    assert '<link rel="canonical"' in page
    assert 'hreflang="zh-CN"' in page
    assert '"@type": "TechArticle"' in page
    assert "</script><b>" not in page


async def test_what_came_with_the_site_is_nobodys_to_change(school: School) -> None:
    await school.publish("Words.\n")
    await school.join("chief", is_admin=True)
    async with school.browser("chief") as browser:
        assert (await browser.get("/tutorials/lesson/write")).status_code == 403


async def test_who_leaves_takes_drafts_along_and_leaves_what_was_published(
    school: School,
) -> None:
    async with school.browser("ada") as browser:
        await begun(browser)
        await browser.post("/tutorials/new", data=NEW | {"slug": "kept"})
        data = draft(1, action="publish")
        assert (await browser.post("/tutorials/kept/write", data=data)).status_code == 303
        async with school.database.transaction() as db:
            ada = school.people["ada"]
            await erase_person(
                db, Gone(ada.id, "ada", "gone-1", "ada@example.org", email_proved=True)
            )
        assert (await browser.get("/tutorials/kept")).status_code == 200
        assert (await browser.get("/tutorials/my-run/write")).status_code == 404
