"""The training benchmark's arithmetic and its table; the races themselves are not tests."""

import pytest

from bench.train.clock import Spent
from bench.train.contest import Raced, Turn
from bench.train.jobs import Job
from bench.train.races import Loop, Ours, Race
from bench.train.report import lines_of, markdown, ratio, values

ABOUT = {"measure": "wall", "threads": 2}


def _turn(name: str, wall: float, cpu: float) -> Turn:
    return Turn(name, Spent(wall, cpu), others=0.01, seconds=1.0)


@pytest.fixture
def raced() -> Raced:
    job = Job("", "frozen_resnet", "resnet50", 4)
    loops = [Loop("seed", "seed", job), Loop("timm", "timm", job), Loop("fastai", "fastai", job)]
    race = Race("A race", loops, [Ours("G1", {}, 1)])
    rounds = [
        {
            "seed": _turn("seed", 40.0, 80.0),
            "timm": _turn("timm", 20.0, 40.0),
            "fastai": _turn("fastai", 90.0, 180.0),
            "G1": _turn("G1", wall, 2 * wall),
        }
        for wall in (1.0, 2.0, 0.5)
    ]
    return Raced(race, rounds)


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    slow = [Spent(8, 8), Spent(9, 1), Spent(4, 4)]
    fast = [Spent(2, 1), Spent(3, 1), Spent(2, 1)]

    found = ratio(slow, fast, "wall")

    assert (found.median, found.low, found.high) == (3, 2, 4)
    assert ratio(slow, fast, "cpu").median == 4


def test_a_goal_is_held_against_the_plain_loop_and_the_fastest_library(raced: Raced) -> None:
    (line,) = lines_of(raced, "wall")

    assert (line.against_seed.median, line.against_seed.low, line.against_seed.high) == (40, 20, 80)
    assert line.peer == "timm"
    assert line.against_peer is not None
    assert line.against_peer.median == 20
    assert line.reached


def test_a_goal_is_missed_where_a_library_is_too_fast(raced: Raced) -> None:
    for found in raced.rounds:
        found["timm"] = _turn("timm", 5.0, 10.0)

    (line,) = lines_of(raced, "wall")

    assert line.against_seed.median >= line.wanted
    assert not line.reached


def test_the_page_shows_goals_and_every_loop(raced: Raced) -> None:
    page = markdown([raced], ABOUT)

    assert "| G1 | " in page
    assert "40.0x (20.0..80.0) | 30.0x | timm | 20.0x (10.0..40.0) | 14.0x | reached |" in page
    assert "| fastai | 0.01 | 0.01 | 1% | – |" in page


def test_a_busy_machine_is_told(raced: Raced) -> None:
    assert "wall clocks are void" in markdown([raced], ABOUT | {"measure": "cpu"})


def test_the_file_holds_every_turn(raced: Raced) -> None:
    found = values([raced], ABOUT)

    assert found["goals"][0]["goal"] == "G1"
    assert found["races"][0]["rounds"][2]["G1"]["spent"] == {"wall": 0.5, "cpu": 1.0}
