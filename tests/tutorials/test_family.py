"""What became of a recipe: jobs know what they began from, and the tutorial shows the tree."""

from typing import Any

import pytest
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from app.hub.schemas import RepositoryKind
from tests.conftest import statements
from tests.factories.jobs import FakeWorker, class_folders, make_repository, recipe_values
from tests.jobs_pages.conftest import result
from tests.tutorials.conftest import School, body_with, recipe_text

MOST_QUERIES = 12


def changed(lr: float = 0.001, **more: Any) -> dict[str, Any]:
    values = recipe_values()
    values["train"]["stages"][0]["optimizer"]["lr"] = lr
    values["train"] |= more
    return values


async def end(school: School, value: float | None) -> None:
    """Let the worker end the job that waits."""
    worker = FakeWorker(school.client)
    assert await worker.claim()
    if value is None:
        failure = {"code": "OUT_OF_MEMORY", "sentence": "Too large.", "fix": "Less."}
        done = await worker.post("fail", {"failure": failure})
    else:
        done = await worker.post("finish", {"result": result(value), "artifacts": []})
    assert done.status_code == 200, done.text


async def fork(  # whose, of which, how, to what
    school: School,
    parent: int,
    recipe: dict[str, Any],
    value: float | None,
    who: str = "eve",
    *,
    shared: bool = True,
) -> int:
    """Somebody changes a recipe of theirs and runs it."""
    body = {"recipe": recipe, "parent": parent, "shared": shared}
    made = await school.post("/api/v1/jobs", body, who)
    assert made.status_code == 201, made.text
    assert made.json()["parent"] == parent
    await end(school, value)
    return int(made.json()["id"])


async def family(school: School, who: str = "") -> dict[str, Any]:
    answer = await school.get("/api/v1/tutorials/lesson/family", who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()[0]
    return found


async def test_the_tree_shows_what_was_changed_and_which_change_won(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    run = await school.run("eve", 0.90)
    low = await fork(school, run, changed(0.0005), 0.93)
    await fork(school, low, changed(0.0005, batch_size=16), 0.95)
    await fork(school, run, changed(0.1), None)
    found = await family(school)
    told = [
        (one["number"], one["parent"], one["value"], [c["path"] for c in one["changes"]])
        for one in found["variants"]
    ]
    lr = "train.stages.0.optimizer.lr"
    assert told == [
        (0, None, 0.90, []),
        (1, 0, 0.93, [lr]),
        (3, 1, 0.95, ["train.batch_size"]),
        (2, 0, None, [lr]),
    ]
    assert found["best"] == 3
    assert found["gain"] == pytest.approx(0.05)
    won = {one["path"]: (one["before"], one["after"]) for one in found["won"]}
    assert won == {"train.batch_size": ("8", "16"), lr: ("0.001", "0.0005")}
    for path in ("/tutorials/lesson", "/tutorials/lesson/family"):
        page = (await school.client.get(path, headers={"Accept": "text/html"})).text
        assert "Best so far: 95.00 %" in page
        assert "<del>8</del>" in page
        assert "style=" not in page


async def test_what_is_not_shared_is_seen_by_its_owner_alone(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    run = await school.run("eve", 0.90)
    hidden = await fork(school, run, changed(0.0005), 0.99, shared=False)
    await fork(school, hidden, changed(0.0005, batch_size=16), 0.95)
    others, own = await family(school, "bob"), await family(school, "eve")
    assert [one["value"] for one in others["variants"]] == [0.90, 0.95]
    assert [one["job"] for one in others["variants"]] == [None, None]
    # Its place in the line is taken by the nearest one that is shown.
    assert len(others["variants"][1]["changes"]) == 2
    assert [one["value"] for one in own["variants"]] == [0.90, 0.99, 0.95]
    assert own["variants"][1]["job"] == hidden


async def test_a_recipe_changed_before_its_first_run_belongs_to_the_tutorial(
    school: School,
) -> None:
    await school.publish(body_with(recipe_text()))
    async with school.browser("eve") as browser:
        page = (await browser.get("/tutorials/lesson")).text
        origin = page.split('name="origin"')[1].split('value="')[1].split('"')[0]
        form = {"recipe": recipe_text(), "origin": origin, "shared": "1", "action": "check"}
        checked = (await browser.post("/fine-tune", data=form)).text
        assert f'value="{origin}"' in checked
        form |= {"recipe": yaml.safe_dump(changed(0.01)), "action": "start"}
        started = await browser.post("/fine-tune", data=form)
        assert started.status_code == 303, started.text
    await end(school, 0.97)
    found = await family(school)
    assert [one["value"] for one in found["variants"]] == [None, 0.97]
    assert found["best"] == 1
    assert (await school.runs())["ended"] == 0


async def test_the_same_recipe_stands_once_and_tells_its_best_run(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    run = await school.run("eve", 0.90)
    await school.run("bob", 0.91)
    for value in (0.92, 0.94):
        await fork(school, run, changed(0.0005), value)
    found = await family(school)
    assert [(one["runs"], one["value"]) for one in found["variants"]] == [(2, 0.91), (2, 0.94)]


async def test_names_of_private_repositories_stay_private(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    run = await school.run("ada", 0.90)
    kind, files = RepositoryKind.DATASET, class_folders()
    ada = school.people["ada"]
    await make_repository(school.app, ada, kind, "secret-faces", files, private=True)
    await fork(school, run, recipe_values(data="ada/secret-faces"), 0.95, "ada")
    own, others = await family(school, "ada"), (await family(school, "bob"))
    assert own["variants"][1]["changes"][0]["after"] == "ada/secret-faces"
    assert others["variants"][1]["changes"][0]["after"] == "a private repository"
    assert others["variants"][1]["other_data"]
    page = await school.client.get("/tutorials/lesson/family", headers={"Accept": "text/html"})
    assert "secret-faces" not in page.text


async def test_nobody_begins_from_a_job_of_somebody_else(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    run = await school.run("eve", 0.90)
    refused = await school.post("/api/v1/jobs", {"recipe": changed(0.01), "parent": run}, "bob")
    assert refused.status_code == 404


async def test_running_again_keeps_the_line(school: School) -> None:
    await school.publish(body_with(recipe_text()))
    run = await school.run("eve", 0.90)
    again = await school.post(f"/api/v1/jobs/{run}/rerun", None, "eve")
    assert again.json()["parent"] == run
    await end(school, 0.96)
    assert (await family(school, "eve"))["variants"][0]["value"] == 0.96
    assert (await family(school, "bob"))["variants"][0]["value"] == 0.90


async def test_too_large_a_family_says_what_it_leaves_out_and_keeps_the_best(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.tutorials.service.family.MOST", 3)
    await school.publish(body_with(recipe_text()))
    run = await school.run("eve", 0.90)
    for number in range(3):
        last = await fork(school, run, changed(0.002 + number / 1000), 0.80)
    await fork(school, last, changed(0.009), 0.99)
    found = await family(school)
    assert found["left_out"] == 2
    best = next(one for one in found["variants"] if one["best"])
    assert best["value"] == 0.99
    assert best["parent"] != 0


async def test_a_family_takes_few_queries_however_large_it_is(
    school: School, engine: AsyncEngine
) -> None:
    await school.publish(body_with(recipe_text()))
    run = await school.run("eve", 0.90)
    for number in range(3):
        run = await fork(school, run, changed(0.002 + number / 1000), 0.91)
    counts = []
    for path in ("/tutorials/lesson", "/tutorials/lesson/family"):
        with statements(engine) as sent:
            page = await school.client.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200
        asked = [one for one in sent if one.lstrip().upper().startswith(("SELECT", "WITH"))]
        counts.append(len(asked))
    assert max(counts) <= MOST_QUERIES, counts
