"""What follows training: the network is judged, written in other forms and explained."""

from dataclasses import dataclass

from worker.contract.after import can_follow
from worker.contract.after_results import EvaluationReport, ExplanationReport, ExportReport
from worker.evaluation.finished import Finished


@dataclass(frozen=True)
class After:
    """What was found out after training; None for what the recipe or the task leaves out."""

    evaluation: EvaluationReport | None = None
    exports: ExportReport | None = None
    explanations: ExplanationReport | None = None


def after_training(run: Finished) -> After:
    """Do everything that the recipe asks for once the weights lie in the result's folder.

    What is heavy to import is imported only by the runs that ask for it.

    Raises:
        StoppedError: the outside asked for it.
    """
    recipe = run.plan.recipe
    if recipe.multi_task or not can_follow(recipe.task) or run.split.labels is None:
        return After()
    from worker.evaluation.report import evaluate

    evaluation = evaluate(run)
    exports, explanations = None, None
    if recipe.export is not None:
        from worker.export.forms import export_forms

        exports = export_forms(run, recipe.export)
    if recipe.explain is not None:
        from worker.explain.report import explain

        explanations = explain(run, recipe.explain)
    return After(evaluation, exports, explanations)
