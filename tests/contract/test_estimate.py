"""What a plan needs, before it runs."""

import pytest

from tests.contract.test_doctor import ALL, HEAD, codes, examined, folders
from worker.contract.doctor_machine import Machine, check_machines
from worker.contract.estimate import Amounts, Estimate, Pace, estimate, stage_kind
from worker.contract.plan import Plan
from worker.contract.presets import Values

GB = 10**9
FULL: Values = {**ALL, "optimizer": {"name": "adamw", "lr": 1e-4}}


def plan_with(*stages: Values, **train: object) -> Plan:
    files = folders("cat", "dog", count=60)
    plan = examined(files, train={"stages": list(stages), **train}).plan
    assert plan is not None
    return plan


def needed(plan: Plan, pace: Pace | None = None, *, on_gpu: bool = False) -> Estimate:
    answer = estimate(plan, Amounts(120), 46_000_000, pace or Pace({}), on_gpu=on_gpu)
    assert answer is not None
    return answer


def test_training_everything_needs_more_than_training_the_head() -> None:
    head, full = needed(plan_with(HEAD)), needed(plan_with(FULL))
    assert head.memory.low < full.memory.low
    assert head.memory.high < full.memory.high
    assert head.seconds is not None
    assert full.seconds is not None
    assert head.seconds.high < full.seconds.high


def test_a_larger_batch_needs_more_by_what_a_sample_adds() -> None:
    small, large = (needed(plan_with(FULL, batch_size=size)) for size in (32, 64))
    assert large.memory.low - small.memory.low == pytest.approx(32 * small.batch_bytes, rel=0.35)


def test_a_resnet18_at_224_pixels_is_counted_by_hand() -> None:
    found = needed(plan_with(FULL, batch_size=64))
    (kept,) = [part.size for part in found.parts if part.name == "activations"]
    # 64 pictures keep 22.2 MB each, and two to four times the 6.4 MB of the largest layer.
    assert kept.low == pytest.approx(64 * (22.18e6 + 2 * 6.42e6) / 1.15, rel=1e-6)
    assert kept.high == pytest.approx(64 * (22.18e6 + 4 * 6.42e6) * 1.15, rel=1e-6)
    (weights,) = [part.size for part in found.parts if part.name == "weights"]
    # Weights, gradients, two numbers of AdamW each.
    assert weights.low == pytest.approx(11.69e6 * 4 * 4, rel=1e-6)


def test_an_earlier_run_of_the_same_kind_tells_the_time() -> None:
    plan = plan_with(FULL)
    kind = stage_kind(plan, plan.stages[0].stage)
    told = needed(plan, Pace({kind: 4.0}))
    assert told.basis == "same"
    assert told.seconds is not None
    assert told.seconds.low < 108 / 4 < told.seconds.high
    assert needed(plan).basis == "usual"
    assert needed(plan, Pace({}, (1e10, 2e10))).basis == "other"


def test_too_little_memory_is_an_error_and_perhaps_too_little_a_warning() -> None:
    plan = plan_with(FULL, batch_size=64)
    found = needed(plan)
    assert check_machines(plan, found, []) == []
    assert check_machines(plan, found, [Machine(int(found.memory.high * 2))]) == []
    (short,) = check_machines(plan, found, [Machine(GB)])
    assert short.code == "MEMORY_SHORT"
    assert short.severity == "error"
    batch, steps = short.params["batch_size"], short.params["steps"]
    assert isinstance(batch, int)
    assert isinstance(steps, int)
    assert batch < 64
    assert batch * steps >= 64
    tight = check_machines(plan, found, [Machine(GB), Machine(int(found.memory.high))])
    assert codes(tight) == {"MEMORY_TIGHT"}


def test_memory_of_a_gpu_is_a_warning_because_parts_are_halved_there() -> None:
    plan = plan_with(FULL, batch_size=64)
    found = needed(plan, on_gpu=True)
    assert found.gpu_memory is not None
    machines = [Machine(64 * GB, GB)]
    assert codes(check_machines(plan, found, machines)) == {"GPU_MEMORY_TIGHT"}


def test_a_limit_that_is_certainly_too_short_is_a_warning() -> None:
    files = folders("cat", "dog", count=60)
    stages = [FULL | {"epochs": 500}]
    plan = examined(files, train={"stages": stages}, resources={"max_minutes": 0.1}).plan
    assert plan is not None
    assert codes(check_machines(plan, needed(plan), [])) == {"TIME_SHORT"}
