"""The README.md of a trained model: what it is, how well it does, how it was made."""

from collections.abc import Mapping

import yaml
from pydantic import JsonValue

from worker.contract.manifest import Result, SplitMetrics
from worker.contract.plan import Plan
from worker.contract.recipe_text import recipe_to_yaml
from worker.contract.tasks import TASKS, title_of


def model_card(plan: Plan, result: Result, summary: str, snippet: str) -> str:
    """Return the card; its front matter holds the measured numbers as `model-index`."""
    heading = yaml.safe_dump(_front_matter(plan, result), sort_keys=False, allow_unicode=True)
    metrics = result.headline
    parts = [
        f"---\n{heading}---",
        f"# {plan.recipe.name}",
        summary,
        f"## Measured on the {result.split} split\n\n{_table(metrics)}",
        f"## How it was made\n\n{_stages(result)}\n\n{_lineage(plan, result)}",
        f"```yaml\n{recipe_to_yaml(plan.recipe)}```",
        f"## Use\n\n```python\n{snippet}```",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(plan: Plan, result: Result) -> dict[str, JsonValue]:
    task, metrics = plan.recipe.task, result.headline
    dataset: dict[str, JsonValue] = {"name": plan.data.repo, "type": plan.data.repo}
    if plan.data.commit:
        dataset["revision"] = plan.data.commit
    dataset["split"] = result.split
    measured: list[JsonValue] = [
        {
            "type": _card_type(name),
            "name": title_of(name),
            "value": round(value, 6),
            "verified": False,
        }
        for name, value in metrics.values.items()
    ]
    entry: dict[str, JsonValue] = {
        "task": {"type": task, "name": TASKS[task].title},
        "dataset": dataset,
        "metrics": measured,
    }
    matter: dict[str, JsonValue] = {
        "library_name": plan.base.library,
        "pipeline_tag": task,
        "tags": [task, "fine-tuned", plan.base.architecture],
        "base_model": plan.base.repo,
        "datasets": [plan.data.repo],
        "metrics": [_card_type(name) for name in metrics.values],
        "model-index": [{"name": plan.recipe.name, "results": [entry]}],
    }
    if not _is_repository(plan.base.repo, plan.base.commit):
        del matter["base_model"]
    if not _is_repository(plan.data.repo, plan.data.commit):
        del matter["datasets"]
    return matter


def _card_type(name: str) -> str:
    """Return the name that cards elsewhere use for a measure."""
    return {"f1_macro": "f1"}.get(name, name)


def _is_repository(name: str, commit: str | None) -> bool:
    """Return whether a name can be linked to; a local folder cannot."""
    return commit is not None and name.count("/") == 1


def _table(metrics: SplitMetrics) -> str:
    rows = [f"| {title_of(name)} | {value:.4f} |" for name, value in metrics.values.items()]
    rows.append(f"| Loss | {metrics.loss:.4f} |")
    measures = "\n".join(["| measure | value |\n| --- | ---: |", *rows])
    return f"{measures}\n\n{_class_table(metrics)}" if metrics.per_class else measures


def _class_table(metrics: SplitMetrics) -> str:
    rows = [
        f"| {_cell(item.label)} | {item.precision:.3f} | {item.recall:.3f} | {item.f1:.3f} "
        f"| {item.support} |"
        for item in metrics.per_class
    ]
    head = "| class | precision | recall | F1 | samples |\n| --- | ---: | ---: | ---: | ---: |"
    return "\n".join([head, *rows])


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`").replace("<", "&lt;")


def _stages(result: Result) -> str:
    head = "| stage | trained parameters | epochs | seconds |\n| --- | ---: | ---: | ---: |"
    rows = [
        f"| {stage.name} | {stage.trainable_count:,} | {stage.epochs} | {stage.seconds:.1f} |"
        for stage in result.stages
    ]
    return "\n".join([head, *rows])


def _lineage(plan: Plan, result: Result) -> str:
    places: Mapping[str, tuple[str, str | None]] = {
        "Base": (plan.base.repo, plan.base.commit),
        "Data": (plan.data.repo, plan.data.commit),
    }
    lines = [
        f"- {name}: `{repo}`" + (f" at `{commit}`" if commit else "")
        for name, (repo, commit) in places.items()
    ]
    sizes = ", ".join(f"{count} {name}" for name, count in plan.split_sizes.items())
    lines += [
        f"- Samples: {sizes}",
        f"- Plan: `{result.plan_hash}`",
        f"- Seed {result.seed} on {result.device}, "
        + ", ".join(f"{name} {version}" for name, version in result.versions.items()),
    ]
    return "\n".join(lines)
