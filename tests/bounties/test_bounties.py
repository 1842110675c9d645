"""Bounties: put up, awarded, and what the rule makes of those that nobody awards."""

import asyncio

import pytest

from tests.bounties.conftest import Market


async def test_what_is_put_up_is_taken_at_once_and_goes_whole_to_the_awarded_answer(
    market: Market,
) -> None:
    question = await market.asked()
    answer = await market.answer(question, "bob")
    put_up = await market.offer(question)
    assert put_up.status_code == 201, put_up.text
    before = await market.points("eve"), await market.points("bob")
    won = await market.award(question, answer)
    found = await market.read(question)
    assert won.json()["state"] == "awarded"
    assert (before, await market.points("eve"), await market.points("bob")) == ((500, 0), 500, 100)
    assert found["question"]["bounty"] is None
    assert found["answers"][0]["won_points"] == 100
    assert await market.sums() == (0, {"person": 0, "escrow": 0})


async def test_a_question_shows_what_can_be_won_and_is_found_by_it(market: Market) -> None:
    plain, question = await market.asked(), await market.asked()
    await market.offer(question, amount=150)
    item = (await market.read(question))["question"]["bounty"]
    listed = (await market.send("GET", "/questions?sort=bounty")).json()["items"]
    page = await market.client.get("/questions?sort=bounty")
    shown = await market.client.get((await market.read(question))["question"]["url"])
    assert (item["amount"], item["unit"]) == (150, "reputation")
    assert [one["id"] for one in listed] == [question]
    assert "150 points" in page.text
    assert f"/questions/{plain}/" not in page.text
    assert "150 points" in shown.text


async def test_the_list_of_bounties_goes_on_where_its_page_ended(market: Market) -> None:
    numbers = [await market.asked() for _ in range(3)]
    for number in numbers:
        assert (await market.offer(number, amount=50)).status_code == 201
    found: list[int] = []
    cursor = ""
    while cursor is not None:
        page = await market.send("GET", f"/questions?sort=bounty&limit=2&cursor={cursor}")
        found += [one["id"] for one in page.json()["items"]]
        cursor = page.json()["next_cursor"]
    assert found == numbers[::-1]


@pytest.mark.parametrize(
    ("amount", "code"), [(49, "bad_amount"), (501, "bad_amount"), (500, ""), (50, "")]
)
async def test_fifty_to_five_hundred_points_can_be_put_up(
    market: Market, amount: int, code: str
) -> None:
    answer = await market.offer(await market.asked(), amount=amount)
    assert answer.json().get("code", "") == code, answer.text


async def test_nobody_puts_up_more_than_they_have(market: Market) -> None:
    refused = await market.offer(await market.asked(), "bob", 50)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_few_points")
    assert "0 points" in refused.text
    assert await market.sums() == (0, {})


async def test_a_young_a_closed_and_a_hidden_question_take_no_bounty(market: Market) -> None:
    young = (await market.ask())["id"]
    closed, hidden = await market.asked(), await market.asked()
    await market.send("POST", f"/questions/{closed}/close", "ada", {"reason": "unclear"})
    body = (await market.read(hidden))["question"]["body_id"]
    await market.client.post(f"/posts/{body}/hide", headers=market.headers["ada"])
    codes = [(await market.offer(number)).json()["code"] for number in (young, closed, hidden)]
    assert codes == ["too_young", "closed", "question_not_found"]


async def test_a_question_has_one_bounty_at_a_time_and_a_person_three(market: Market) -> None:
    numbers = [await market.asked() for _ in range(4)]
    answers = [await market.offer(number, amount=50) for number in numbers]
    again = await market.offer(numbers[0], amount=50)
    assert [one.status_code for one in answers] == [201, 201, 201, 409]
    assert answers[3].json()["code"] == "many_bounties"
    assert again.json()["code"] == "bounty"


async def test_gpu_minutes_are_refused_in_a_sentence_where_the_site_counts_none(
    market: Market,
) -> None:
    refused = await market.offer(await market.asked(), amount=600, unit="gpu_seconds")
    assert (refused.status_code, refused.json()["code"]) == (409, "unit_off")


async def test_only_who_gave_it_awards_it_and_never_to_themselves(market: Market) -> None:
    question, other = await market.asked(), await market.asked()
    theirs, own = await market.answer(question, "bob"), await market.answer(question, "eve")
    elsewhere = await market.answer(other, "bob")
    await market.offer(question)
    codes = [
        (await market.award(question, theirs, "ada")).json()["code"],
        (await market.award(question, own)).json()["code"],
        (await market.award(question, elsewhere)).status_code,
    ]
    assert codes == ["not_giver", "own_answer", 404]
    assert (await market.award(question, theirs)).status_code == 200
    assert (await market.award(question, theirs)).json()["code"] == "no_bounty"


async def test_an_answer_that_is_hidden_or_whose_author_is_suspended_wins_nothing(
    market: Market,
) -> None:
    question = await market.asked()
    hidden, kept = await market.answer(question, "bob"), await market.answer(question, "dan")
    await market.offer(question)
    await market.client.post(f"/posts/{hidden}/hide", headers=market.headers["bob"])
    await market.write(
        "UPDATE accounts_user SET suspended_at = now() WHERE account_id = :n",
        n=market.people["dan"].id,
    )
    assert (await market.award(question, hidden)).status_code == 404
    assert (await market.award(question, kept)).json()["code"] == "winner_away"


async def test_half_goes_by_itself_to_the_best_answer_written_since(market: Market) -> None:
    question = await market.asked()
    old = await market.answer(question, "dan")
    await market.go_on(minutes=1)
    await market.offer(question, amount=75)
    new, own = await market.answer(question, "bob"), await market.answer(question, "eve")
    for voter in ("ada", "carol", "bob"):
        await market.vote(old, voter)
        await market.vote(own, voter)
    for voter in ("ada", "carol"):
        await market.vote(new, voter)
    await market.go_on(days=8)
    found = await market.last(question)
    assert (found["state"], found["answer_id"], found["paid"]) == ("halved", new, 37)
    assert await market.points("bob") == 20 + 37
    assert await market.sums() == (0, {"person": -38, "escrow": 0, "forfeited": 38})


async def test_without_a_liked_answer_it_is_lost(market: Market) -> None:
    question = await market.asked()
    await market.offer(question)
    answer = await market.answer(question, "bob")
    await market.vote(answer, "ada")
    await market.go_on(days=7.5)
    waits = await market.last(question)
    await market.go_on(days=1)
    found = await market.last(question)
    assert (waits["state"], found["state"], found["paid"]) == ("open", "forfeited", 0)
    assert await market.points("eve") == 500
    assert (await market.read(question))["question"]["bounty"] is None
    assert await market.sums() == (0, {"person": -100, "escrow": 0, "forfeited": 100})


async def test_it_can_be_awarded_a_day_after_its_end_and_no_longer(market: Market) -> None:
    question = await market.asked()
    await market.offer(question)
    answer = await market.answer(question, "bob")
    await market.go_on(days=7.9)
    assert (await market.award(question, answer)).status_code == 200


async def test_it_comes_back_when_moderators_hid_or_closed_the_question(market: Market) -> None:
    hidden, closed = await market.asked(), await market.asked()
    for number in (hidden, closed):
        await market.offer(number)
    body = (await market.read(hidden))["question"]["body_id"]
    await market.client.post(f"/posts/{body}/hide", headers=market.headers["carol"])
    await market.send("POST", f"/questions/{closed}/close", "carol", {"reason": "unclear"})
    await market.go_on(days=8.1)
    assert (await market.last(closed))["state"] == "given-back"
    assert await market.points("eve") == 600
    assert await market.sums() == (0, {"person": 0, "escrow": 0})


async def test_the_asker_cannot_take_the_chance_away(market: Market) -> None:
    question = await market.asked()
    body = (await market.read(question))["question"]["body_id"]
    await market.offer(question)
    closing = await market.send(
        "POST", f"/questions/{question}/close", "ada", {"reason": "unclear"}
    )
    hiding = await market.client.post(f"/posts/{body}/hide", headers=market.headers["ada"])
    assert closing.json()["code"] == "bounty"
    assert hiding.status_code == 409


async def test_every_movement_stands_in_the_public_log_and_in_the_history(market: Market) -> None:
    question = await market.asked()
    answer = await market.answer(question, "bob")
    await market.offer(question)
    await market.award(question, answer)
    moved = (await market.send("GET", "/bounties")).json()["items"]
    page = await market.client.get("/bounties")
    history = await market.client.get(f"/questions/{question}/history")
    points = await market.client.get("/questions/by/bob/points")
    assert [(one["what"], one["giver"], one["winner"]) for one in moved] == [
        ("awarded", "", "bob"),
        ("put-up", "eve", ""),
    ]
    assert "100 points" in page.text
    assert "awarded the bounty" in history.text
    assert "bounty won" in points.text


async def test_forms_do_what_the_api_does(market: Market) -> None:
    question = await market.asked()
    answer = await market.answer(question, "bob")
    address, eve = f"/questions/{question}/bounty", market.headers["eve"]
    form = await market.client.get(address, headers=eve)
    put_up = await market.client.post(address, data={"amount": "100"}, headers=eve)
    again = await market.client.post(address, data={"amount": "100"}, headers=eve)
    shown = await market.client.get(put_up.headers["location"], headers=eve)
    awarded = await market.client.post(
        f"{address}/award", data={"answer": str(answer)}, headers=eve
    )
    assert "You have 600 points." in form.text
    assert (put_up.status_code, again.status_code, awarded.status_code) == (303, 409, 303)
    assert "Award the bounty to this answer" in shown.text


async def test_a_hundred_awards_at_once_pay_each_bounty_once(market: Market) -> None:
    questions = [await market.asked() for _ in range(3)]
    answers = {}
    for number in questions:
        answers[number] = [await market.answer(number, who) for who in ("bob", "dan")]
        await market.offer(number, amount=100)
    tries = [(number, answers[number][turn % 2]) for turn in range(34) for number in questions]
    done = await asyncio.gather(*(market.award(*one) for one in tries[:100]))
    assert sorted(one.status_code for one in done) == [200] * 3 + [409] * 97
    assert await market.sums() == (0, {"person": 0, "escrow": 0})
    assert await market.points("bob") + await market.points("dan") == 300


async def test_points_put_up_at_once_are_never_more_than_there_are(market: Market) -> None:
    questions = [await market.asked() for _ in range(3)]
    done = await asyncio.gather(*(market.offer(number, amount=250) for number in questions))
    assert sorted(one.status_code for one in done) == [201, 201, 409]
    assert await market.points("eve") == 100
