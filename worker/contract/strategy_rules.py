"""The doctor's rules about ways of training that spoil each other."""

from worker.contract.rules import Rule

STRATEGY_RULES: dict[str, Rule] = {
    "MIXED_HEAD_STAGE": Rule(
        "info",
        "Stage {stage} trains only the head, and {key} changes every batch: its features are "
        "computed anew in every epoch.",
        "Leave {key} out for a stage of seconds, or train more than the head.",
    ),
    "AVERAGE_TOO_SHORT": Rule(
        "warning",
        "Stage {stage} makes about {updates} updates; a running mean with model_ema_decay {decay} "
        "looks back over about {span}, so it still holds much of the beginning.",
        "Take a model_ema_decay of {advised} or less, or train longer.",
    ),
    "ACCUMULATION_WITH_BATCH_NORM": Rule(
        "warning",
        "Stage {stage} trains BatchNorm, which sees {batch_size} samples at a time: accumulating "
        "{steps} batches makes the update larger, not its statistics.",
        "Set batch_norm to eval, or take a larger batch_size.",
    ),
    "FEW_UPDATES": Rule(
        "warning",
        "Stage {stage} makes only {updates} updates in an epoch.",
        "Take a smaller batch_size, or fewer gradient_accumulation_steps.",
    ),
    "PENALTY_UNUSED": Rule(
        "info",
        "Stage {stage} trains only the new head, which has no pretrained weights: l2_sp does "
        "nothing there.",
        "Nothing to do if a later stage trains more.",
    ),
    "IMBALANCE_TWICE": Rule(
        "warning",
        "data.imbalance evens classes out twice: by {one} and by {other}; small classes get too "
        "much weight.",
        "Use one of the two.",
    ),
    "UNLABELED_MISSING": Rule(
        "error",
        "data.unlabeled: the data set has no samples for it; splits: {splits}.",
        "Put the pictures into a folder named unlabeled, or name another split.",
    ),
    "UNLABELED_FEW": Rule(
        "info",
        "There are {unlabeled} samples without a label and {labeled} with one.",
        "Learning without labels pays when there are many times more of them.",
    ),
}
