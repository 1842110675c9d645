"""Agents: stages decide what trains, events tell what is won, a stop goes on later."""

import json
from pathlib import Path

import pytest

from tests.worker.builders import Run, Values, fresh_python, plan_of, run, stage
from tests.worker.sounds import sound_recipe, write_policy
from worker.contract.attempt import CHECKPOINTS_FOLDER, RESULT_FOLDER
from worker.contract.recipe_text import RecipeError, recipe_from_values

ENV: Values = {"id": "CartPole-v1", "shift": {"length": 0.8}, "n_envs": 2}
VALUE_HEAD = stage(["value_head"], epochs=1, optimizer={"name": "adam", "lr": 1e-3})


def agent_recipe(*stages: Values, **over: object) -> Values:
    values = sound_recipe(
        "reinforcement-learning",
        "policy",
        *(stages or (VALUE_HEAD,)),
        env=ENV,
        train={"batch_size": 64},
        **over,
    )
    values["data"] = {"train": {"repo": "env/CartPole-v1"}}
    values["model"] = {"base": {"repo": "policy"}}
    return values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_policy(tmp_path / "policy")
    return tmp_path


def trained(folder: Path, values: Values, **over: object) -> Run:
    weights = folder / "policy" / "model.safetensors"
    return run(folder, values, weights=weights, **over)  # type: ignore[arg-type] # passed on


def test_the_value_head_trains_alone_and_every_epoch_tells_the_mean_return(folder: Path) -> None:
    from safetensors.torch import load_file

    done = trained(folder, agent_recipe())

    old = load_file(folder / "policy" / "model.safetensors")
    new = load_file(done.out / RESULT_FOLDER / "model.safetensors")
    changed = {name for name in old if not bool((old[name] == new[name]).all())}
    assert changed == {name for name in old if "value_net" in name}
    finished = done.of_kind("EpochFinished")
    assert [getattr(event, "metric", None) for event in finished] == ["mean_reward"]
    assert done.result.headline.size == 20
    card = (done.out / RESULT_FOLDER / "README.md").read_text(encoding="utf-8")
    code = card.split("```python\n")[1].split("```")[0]
    said = fresh_python(f"{code}\nprint(act([0.0, 0.1, 0.02, 0.1]))", done.out / RESULT_FOLDER)
    assert said.strip() in {"0", "1"}


def test_a_stopped_agent_goes_on_and_ends_where_it_would_have(folder: Path) -> None:
    class StopAfter:
        def __init__(self, steps: int) -> None:
            self.left = steps

        def should_stop(self) -> bool:
            self.left -= 1
            return self.left < 0

    from worker.training.checkpoint import newest_checkpoint
    from worker.training.loop import StoppedError

    values = agent_recipe(stage("all", epochs=2, optimizer={"name": "adam", "lr": 1e-3}))
    whole = trained(folder, values)
    with pytest.raises(StoppedError):
        # Ten steps, one measuring batch, and the first step of the second epoch is refused.
        trained(folder, values, out="stopped", control=StopAfter(11))
    kept = newest_checkpoint(folder / "stopped" / CHECKPOINTS_FOLDER)

    resumed = trained(folder, values, out="stopped", resume_from=kept)

    assert resumed.result.weights_sha256 == whole.result.weights_sha256


def test_the_shift_reaches_the_environment() -> None:
    from worker.contract.environment import Environment
    from worker.data.episodes import make_environment

    env = make_environment(Environment(id="CartPole-v1", shift={"length": 2.0}))

    assert env.unwrapped.length == 2.0  # type: ignore[attr-defined] # of this environment
    assert env.unwrapped.polemass_length == pytest.approx(0.2)  # type: ignore[attr-defined] # of this environment


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"env": {"id": "CartPole-v1", "shift": {"colour": 1.0}}}, "has no colour"),
        ({"env": {"id": "Acrobot-v1"}}, "write env/Acrobot-v1"),
        ({"task": "image-classification"}, "env has no effect"),
    ],
)
def test_an_environment_that_does_not_fit_is_refused(change: Values, said: str) -> None:
    values = {**agent_recipe(), **change}

    with pytest.raises(RecipeError, match=said):
        recipe_from_values(values)


def test_small_rollouts_and_an_untrained_value_head_are_told(folder: Path) -> None:
    values = agent_recipe(stage("all"))

    plan, _ = plan_of(folder, values, folder / "policy" / "model.safetensors")

    codes = {finding.code for finding in plan.findings}
    assert {"FEW_ROLLOUT_STEPS", "VALUE_HEAD_UNREADY"} <= codes
    assert json.loads(plan.model_dump_json())["recipe"]["env"]["shift"] == {"length": 0.8}
