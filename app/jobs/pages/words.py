"""Words that the pages' scripts write, in the reader's language."""

from app.core.i18n import _
from app.jobs.pages.measures import measure_title


def curve_words(metric: str) -> dict[str, str]:
    """Return the words on and under the curves of a run judged by a measure."""
    measure = measure_title(metric)
    return {
        "measure": measure,
        "epoch": _("Epoch"),
        "step": _("Step"),
        "per_step": _("each step"),
        "train_loss": _("Training loss"),
        "validation_loss": _("Validation loss"),
        "train_value": _("%(measure)s in training") % {"measure": measure},
        "validation_value": _("%(measure)s in validation") % {"measure": measure},
        "best": _("best"),
        "highest": _("Highest rate"),
        "lowest": _("Lowest rate"),
        "throughput": _("Samples per second"),
        "memory": _("Memory"),
    }


def form_words() -> dict[str, str]:
    """Return the words of the form beside the recipe."""
    return {
        "trains": _("Trains"),
        "trains_help": _(
            "all, head, last:2 (the last two blocks), or names of modules, with commas between."
        ),
        "general": _("For all stages"),
        "gradual": _("Gradual unfreezing"),
        "add": _("Add a stage"),
        "remove": _("Remove"),
        "failed": _("This could not be loaded just now. Choose it again in a moment."),
    }
