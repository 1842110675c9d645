"""Claims of a card: confirmed by runs, doubted in words, bound to the value they are about."""

import httpx

from app.hub import policy as hub
from app.hub.schemas import RepositoryKind
from tests.claims.conftest import API, MODEL, Bench
from tests.factories.accounts import sign_in
from tests.factories.hub import make_commit, viewer_of
from tests.factories.jobs import recipe_values


async def test_every_number_data_set_base_and_licence_of_a_card_is_a_claim(bench: Bench) -> None:
    found = await bench.claims()
    assert {kind: one["value"] for kind, one in found.items()} == {
        "metric": "0.75",
        "data": "ada/data",
        "base": "ada/base",
        "licence": "apache-2.0",
    }
    assert {one["standing"] for one in found.values()} == {"unconfirmed"}


async def test_a_repetition_that_measures_the_same_confirms_a_number(bench: Bench) -> None:
    job = await bench.run("eve", 0.76, reproducibility={"seed": 7}, name="again")
    answer = await bench.confirm("eve", "metric", job, shared=True)
    assert answer.status_code == 200, answer.text
    claim = (await bench.claims("bob"))["metric"]
    (review,) = claim["reviews"]
    assert claim["standing"] == "confirmed"
    assert (review["reviewer"], review["job_id"], review["basis"]) == ("eve", job, "same-recipe")
    assert review["measured"] == 0.76


async def test_what_the_worker_measured_decides_and_not_the_reviewer(bench: Bench) -> None:
    job = await bench.run("eve", 0.5)
    answer = await bench.confirm("eve", "metric", job, shared=True)
    claim = answer.json()
    assert claim["standing"] == "doubtful"
    assert claim["reviews"][0]["measured"] == 0.5


async def test_a_run_nobody_may_know_of_confirms_without_its_number(bench: Bench) -> None:
    job = await bench.run("eve")
    await bench.confirm("eve", "metric", job)
    own = (await bench.claims("eve"))["metric"]["reviews"][0]
    others = (await bench.claims("bob"))["metric"]["reviews"][0]
    page = (await bench.client.get(f"/{MODEL}/claims", headers={"Accept": "text/html"})).text
    assert (own["job_id"], own["is_private"]) == (job, False)
    assert (others["job_id"], others["is_private"], others["measured"]) == (None, True, None)
    assert "confirmed by a private run" in page
    assert f"job {job}" not in page


async def test_a_run_of_another_recipe_says_nothing(bench: Bench) -> None:
    train = recipe_values()["train"] | {"batch_size": 4}
    job = await bench.run("eve", train=train)
    answer = await bench.confirm("eve", "metric", job)
    assert (answer.status_code, answer.json()["code"]) == (409, "unrelated_job")


async def test_a_run_that_began_from_the_model_speaks_for_its_licence_not_for_its_number(
    bench: Bench,
) -> None:
    job = await bench.run("eve", model={"base": {"repo": MODEL}})
    number = await bench.confirm("eve", "metric", job)
    licence = await bench.confirm("eve", "licence", job)
    assert (number.status_code, number.json()["code"]) == (409, "other_model_measured")
    assert licence.json()["reviews"][0]["basis"] == "used"


async def test_inputs_of_a_repetition_bear_out_data_base_and_licence(bench: Bench) -> None:
    job = await bench.run("eve")
    for kind in ("data", "base", "licence"):
        answer = await bench.confirm("eve", kind, job)
        assert answer.json()["standing"] == "confirmed", answer.text


async def test_somebody_elses_run_cannot_be_given(bench: Bench) -> None:
    job = await bench.run("bob")
    assert (await bench.confirm("eve", "metric", job)).status_code == 404


async def test_a_run_that_failed_or_waits_says_nothing(bench: Bench) -> None:
    body = {"recipe": recipe_values("ada/base", "ada/data")}
    made = await bench.client.post("/api/v1/jobs", json=body, headers=bench.headers["eve"])
    answer = await bench.confirm("eve", "metric", made.json()["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "job_not_succeeded")


async def test_nobody_reviews_their_own_claims(bench: Bench) -> None:
    job = await bench.run("ada")
    confirmed = await bench.confirm("ada", "metric", job)
    doubted = await bench.review("ada", "metric", verdict="doubtful", words="Hm.")
    assert confirmed.status_code == doubted.status_code == 403


async def test_a_doubt_needs_words_and_marks_the_claim(bench: Bench) -> None:
    silent = await bench.review("eve", "data", verdict="doubtful")
    told = await bench.review("eve", "data", verdict="doubtful", words="There is no such split.")
    assert silent.status_code == 422
    assert told.json()["standing"] == "doubtful"
    assert told.json()["reviews"][0]["words"] == "There is no such split."


async def test_a_doubt_is_gone_when_its_words_are_taken_away(bench: Bench) -> None:
    told = await bench.review("eve", "data", verdict="doubtful", words="Nonsense.")
    await sign_in(bench.client, "ada")
    address = f"/{MODEL}/discussions/{told.json()['discussion']}"
    comment = (await bench.client.get(address)).text.split('id="comment-')[1].split('"')[0]
    await bench.client.post(f"{address}/comment/{comment}/hide")
    assert (await bench.claims())["data"]["standing"] == "unconfirmed"


async def test_the_talk_of_a_claim_is_one_discussion_of_the_model(bench: Bench) -> None:
    key = (await bench.claims())["metric"]["key"]
    first, second = [
        await bench.client.post(
            f"{API}/{key}/comments", json={"words": words}, headers=bench.headers[who]
        )
        for who, words in (("ada", "On which split?"), ("eve", "On validation."))
    ]
    assert first.status_code == second.status_code == 201
    assert first.json()["discussion"] == second.json()["discussion"]
    page = (await bench.client.get(f"/{MODEL}/discussions/{first.json()['discussion']}")).text
    assert "Claim: Accuracy on ada/data: 0.75" in page
    assert "On validation." in page


async def test_a_review_belongs_to_the_value_it_was_made_of(bench: Bench) -> None:
    await bench.confirm("eve", "metric", await bench.run("eve"), shared=True)
    await change_card(bench, "value: 0.75", "value: 0.95")
    claim = (await bench.claims())["metric"]
    earlier = (await bench.client.get(API)).json()["earlier"]
    assert (claim["value"], claim["standing"]) == ("0.95", "unconfirmed")
    assert [(one["value"], one["verdict"]) for one in earlier] == [("0.75", "confirmed")]
    await change_card(bench, "value: 0.95", "value: 0.75")
    assert (await bench.claims())["metric"]["standing"] == "confirmed"


async def change_card(bench: Bench, old: str, new: str) -> None:
    text = (await bench.client.get(f"/{MODEL}/resolve/main/README.md")).text
    assert old in text
    viewer = viewer_of(bench.people["ada"])
    async with bench.app.state.database.transaction() as db:
        model = await hub.access_repository(db, viewer, RepositoryKind.MODEL, "ada", "net")
    files = {"README.md": text.replace(old, new).encode()}
    await make_commit(
        bench.app.state.database, bench.app.state.storage, bench.people["ada"], model, files
    )


async def test_a_review_is_replaced_and_taken_back(bench: Bench) -> None:
    await bench.review("eve", "licence", verdict="doubtful", words="Is it?")
    replaced = await bench.confirm("eve", "licence", await bench.run("eve"))
    key = replaced.json()["key"]
    gone = await bench.client.delete(f"{API}/{key}/review", headers=bench.headers["eve"])
    again = await bench.client.delete(f"{API}/{key}/review", headers=bench.headers["eve"])
    assert [one["verdict"] for one in replaced.json()["reviews"]] == ["confirmed"]
    assert (gone.json()["standing"], again.status_code) == ("unconfirmed", 404)


async def test_claims_of_a_private_model_are_not_there_for_outsiders(bench: Bench) -> None:
    key = (await bench.claims())["metric"]["key"]
    body = {"private": True}
    address = f"/api/models/{MODEL}/settings"
    await bench.client.put(address, json=body, headers=bench.headers["ada"])
    seen = await bench.client.get(API, headers=bench.headers["eve"])
    page = await bench.client.get(f"/{MODEL}/claims/{key}", headers=bench.headers["eve"])
    said = await bench.client.post(
        f"{API}/{key}/comments", json={"words": "Hm."}, headers=bench.headers["eve"]
    )
    assert seen.status_code == page.status_code == said.status_code == 404


async def test_the_form_confirms_and_says_what_was_refused(bench: Bench) -> None:
    job = await bench.run("eve")
    key = (await bench.claims())["metric"]["key"]
    await sign_in(bench.client, "eve")
    address = f"/{MODEL}/claims/{key}"
    refused = await bench.client.post(f"{address}/confirm", data={"job": "99", "words": "Same."})
    done = await bench.client.post(f"{address}/confirm", data={"job": f"#{job}", "shared": "1"})
    page = (await bench.client.get(address)).text
    assert refused.status_code == 404
    assert "There is no such job." in refused.text
    assert done.status_code == 303
    assert f'href="/jobs/{job}"' in page


async def test_the_card_shows_how_its_claims_stand(bench: Bench) -> None:
    job = await bench.run("eve")
    await bench.confirm("eve", "metric", job, shared=True)
    card = (await bench.client.get(f"/{MODEL}")).text
    rail = await bench.client.get(f"/{MODEL}/claims", headers={"HX-Request": "true"})
    assert f'hx-get="/{MODEL}/claims"' in card
    assert f"confirmed by job {job}" in " ".join(rail.text.split())
    assert "not checked yet" in rail.text


async def test_an_unknown_claim_and_a_visitor_are_told_so(bench: Bench) -> None:
    missing = await bench.client.get(f"/{MODEL}/claims/metric-none")
    key = (await bench.claims())["metric"]["key"]
    visitor: httpx.Response = await bench.client.put(
        f"{API}/{key}/review", json={"verdict": "doubtful", "words": "Hm."}
    )
    assert missing.status_code == 404
    assert visitor.status_code == 401
