"""The doctor's rules about recipes for texts."""

from worker.contract.rules import Rule

TEXT_RULES: dict[str, Rule] = {
    "TEXTS_CUT": Rule(
        "warning",
        "About {share} % of the training texts are longer than {max_length} tokens; what comes "
        "after is not read.",
        "Raise data.max_length, or cut the texts where they matter least.",
    ),
    "SENTENCES_CUT": Rule(
        "warning",
        "{total} sentences have more tokens than data.max_length ({max_length}); tags after that "
        "are never learned and count as missed.",
        "Raise data.max_length, or part long sentences.",
    ),
    "STRIDE_TOO_LONG": Rule(
        "error",
        "data.stride ({stride}) leaves no room in windows of {max_length} tokens.",
        "Make it at most half of data.max_length.",
    ),
    "NO_TAGS": Rule(
        "error",
        "No training sentence has a tag other than O, so there is nothing to find.",
        "Check data.columns.tags: it names the column of the tags.",
    ),
    "BATCH_TOO_LARGE_FOR_TEXTS": Rule(
        "warning",
        "A batch of {batch_size} texts of up to {max_length} tokens needs much memory.",
        "Take a batch_size of 32 or less, or a smaller data.max_length.",
    ),
}
