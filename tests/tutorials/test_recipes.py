"""Recipes of tutorials: one click makes a job of them, and the page tells what the runs came to."""

from app.core.db import Database
from app.tutorials import service
from app.tutorials.service.recipes import blocks_of
from tests.tutorials.conftest import School, body_with, recipe_text


async def test_one_click_makes_a_job_with_exactly_the_recipe_shown(school: School) -> None:
    await school.publish(body_with(recipe_text(name="from-the-lesson")))
    async with school.browser("eve") as browser:
        page = await browser.get("/tutorials/lesson")
        assert "Run this recipe" in page.text
        answer = await browser.post("/tutorials/lesson/recipes/1/run", data={"v": 1, "lang": "en"})
        assert answer.status_code == 303
        job = await browser.get(answer.headers["location"])
    assert "from-the-lesson" in job.text


async def test_a_visitor_is_asked_to_sign_in_and_nothing_is_queued(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    page = await school.client.get("/tutorials/lesson", headers={"Accept": "text/html"})
    assert "Sign in to run this recipe" in page.text
    answer = await school.client.post("/api/v1/tutorials/lesson/recipes/1/run")
    assert answer.status_code == 401


async def test_the_page_tells_how_often_the_claim_was_reproduced(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    for value in (0.9, 0.91, 0.8):
        await school.run("eve", value)
    page = (await school.client.get("/tutorials/lesson", headers={"Accept": "text/html"})).text
    assert "Reproduced 2 of 3 times." in page
    assert "Median 90.0 % ± 5.5 against 90.0 % ± 2.0 claimed." in page
    assert page.count('class="spread-dot') == 3
    assert "style=" not in page


async def test_a_result_that_is_not_shared_counts_for_its_owner_alone(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    await school.run("eve", 0.9, shared=False)
    assert (await school.runs())["ended"] == 0
    assert (await school.runs("bob"))["ended"] == 0
    assert (await school.runs("eve"))["ended"] == 1


async def test_only_its_owner_is_led_to_the_job_that_came_to_something_else(
    school: School,
) -> None:
    await school.publish(body_with(recipe_text()))
    job_id = await school.run("eve", 0.5)
    async with school.browser("eve") as browser:
        assert f'href="/jobs/{job_id}"' in (await browser.get("/tutorials/lesson")).text
    async with school.browser("bob") as browser:
        page = (await browser.get("/tutorials/lesson")).text
    assert "50.0 %" in page
    assert f'href="/jobs/{job_id}"' not in page


async def test_runs_count_for_a_later_version_only_while_the_recipe_stays(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    await school.run("eve", 0.9)
    await school.publish("Better words.\n\n" + body_with(recipe_text()))
    assert (await school.runs())["ended"] == 1
    await school.publish(body_with(recipe_text(name="other")))
    assert (await school.runs())["ended"] == 0
    old = (await school.get("/api/v1/tutorials/lesson?v=1")).json()
    assert old["recipes"][0]["runs"]["ended"] == 1


async def test_a_waiting_run_is_told_and_not_counted(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    await school.post("/api/v1/tutorials/lesson/recipes/1/run", {"shared": True}, "eve")
    found = await school.runs()
    assert (found["ended"], found["waiting"], found["median"]) == (0, 1, None)


async def test_a_recipe_whose_data_are_gone_says_so_on_the_page(school: School) -> None:
    gone = recipe_text(data={"train": {"repo": "ada/gone"}})
    await school.publish(body_with(gone))
    async with school.browser("eve") as browser:
        answer = await browser.post("/tutorials/lesson/recipes/1/run", data={"v": 1})
    assert answer.status_code == 404
    assert 'role="alert"' in answer.text
    assert "ada/gone" in answer.text


async def test_a_version_without_such_a_recipe_answers_not_found(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    answer = await school.post("/api/v1/tutorials/lesson/recipes/2/run", {}, "eve")
    assert answer.status_code == 404


async def test_the_api_gives_each_recipe_with_its_claim(school: School) -> None:
    await school.publish(body_with("# claim: accuracy 93 % ± 1 %\n" + recipe_text(), info=""))
    found = (await school.get("/api/v1/tutorials/lesson")).json()
    assert found["recipes"][0]["claim"] == {"metric": "accuracy", "value": 0.93, "tolerance": 0.01}
    listed = (await school.get("/api/v1/tutorials")).json()
    assert [item["slug"] for item in listed["items"]] == ["lesson"]


async def test_the_recipes_of_the_starter_tutorials_are_valid(database: Database) -> None:
    async with database.transaction() as db:
        await service.publish_starter(db)
        for row in (await service.newest(db, "en")).items:
            found = [
                blocks_of((await service.read(db, row.slug, language)).text.body)
                for language in ("en", "zh-CN")
            ]
            assert found[0]
            assert [b.recipe_hash for b in found[0]] == [b.recipe_hash for b in found[1]]


async def test_the_course_has_five_chapters_in_order_and_each_makes_a_claim(
    school: School,
) -> None:
    async with school.database.transaction() as db:
        await service.publish_starter(db)
        await service.publish_starter(db)
    page = await school.get("/tutorials/series/fine-tuning-hands-on?lang=zh-CN")
    places = [
        page.text.index(title) for title in ("旧眼睛", "两个阶段", "最后一扇门", "BERT", "动手术")
    ]
    assert places == sorted(places)
    listed = (await school.get("/api/v1/tutorials")).json()["items"]
    assert [item["slug"] for item in listed][:2] == ["first-fine-tune", "linear-probing"]
    for item in listed:
        found = (await school.get(f"/api/v1/tutorials/{item['slug']}")).json()
        assert [recipe["claim"]["metric"] for recipe in found["recipes"]] == ["accuracy"]
        assert found["version"] == 1


async def test_a_recipe_that_nothing_understands_any_more_stays_readable(school: School) -> None:
    await school.publish(body_with("recipe: 99\nold: true\n"))
    page = await school.client.get("/tutorials/lesson", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "cannot be run any more" in page.text
    assert "recipes/1/run" not in page.text
    answer = await school.post("/api/v1/tutorials/lesson/recipes/1/run", {}, "eve")
    assert answer.status_code == 422
