"""The environment of a recipe: where an agent acts, and what is different there."""

from typing import Annotated, Literal

from pydantic import Field

from worker.contract.base import Written

ENVIRONMENT = "environment"
_PREFIX = "env/"
# The known environments, with how long an episode may be and the attributes that may be shifted.
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "CartPole-v1": ("gravity", "masscart", "masspole", "length", "force_mag", "tau"),
    "Acrobot-v1": (
        "LINK_LENGTH_1",
        "LINK_MASS_1",
        "LINK_MASS_2",
        "LINK_COM_POS_1",
        "LINK_COM_POS_2",
        "LINK_MOI",
    ),
    "MountainCar-v0": ("force", "gravity", "max_speed"),
}
Attribute = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,40}$")]


class Environment(Written):
    """Where an agent learns. `data.train.repo` says the same as `env/ID`."""

    id: Literal["CartPole-v1", "Acrobot-v1", "MountainCar-v0"] = Field(
        description="The environment, by its name in gymnasium."
    )
    shift: dict[Attribute, float] = Field(
        default_factory=dict,
        max_length=8,
        description="What is different from the usual: attribute to value, such as `length: 1.0`.",
    )
    n_envs: int = Field(default=4, ge=1, le=64, description="Copies that are played at a time.")
    algo: Literal["ppo"] = Field(default="ppo", description="How the agent learns.")

    @property
    def repo(self) -> str:
        """What `data.train.repo` calls it."""
        return f"{_PREFIX}{self.id}"


def is_environment(repo: str) -> bool:
    """Return whether a name under `data` means an environment and not a data set."""
    return repo.startswith(_PREFIX)


def misfit(task: str, env: Environment | None, repo: str) -> str | None:
    """Return what is wrong with the environment of a recipe, or None."""
    if task != "reinforcement-learning":
        return f"env has no effect with {task}: remove it" if env is not None else None
    if env is None:
        return "reinforcement-learning needs env: give the id of an environment"
    if repo != env.repo:
        return f"data.train.repo: an agent learns in its environment; write {env.repo}"
    unknown = [name for name in env.shift if name not in ENVIRONMENTS[env.id]]
    if unknown:
        known = ", ".join(ENVIRONMENTS[env.id])
        return f"env.shift: {env.id} has no {unknown[0]}; it has {known}"
    return None
