"""The doctor's rules about recordings, about what users chose, and about agents."""

from worker.contract.rules import Rule

SOUND_RULES: dict[str, Rule] = {
    "TRANSCRIPT_TOO_LONG": Rule(
        "warning",
        "{total} transcripts are longer than anybody can speak in their recordings; "
        "the first: {first}.",
        "Check that each transcript belongs to its recording; these teach nothing.",
    ),
    "SPEECH_CUT": Rule(
        "warning",
        "{total} recordings are longer than {seconds} seconds, so that the end of what is said is "
        "not heard; the first: {first}.",
        "Raise data.max_seconds, or cut recording and transcript into parts.",
    ),
    "RATE_RAISED": Rule(
        "info",
        "The recordings have {rate} samples a second and are resampled to {wanted}.",
        "Set data.sample_rate to {rate}: nothing is lost, and it is faster.",
    ),
    "SPEECH_BASE_UNFIT": Rule(
        "error",
        "{repo} is a {architecture} network, which does not write down speech.",
        "Choose a Whisper model, or tuningfork/speech-ctc.",
    ),
    "RATE_FIXED": Rule(
        "error",
        "{repo} hears {rate} samples a second and nothing else.",
        "Remove data.sample_rate: recordings are resampled by themselves.",
    ),
    "WINDOW_FIXED": Rule(
        "error",
        "{repo} hears {seconds} seconds at most.",
        "Lower data.max_seconds, or remove it.",
    ),
    "LANGUAGE_MISSING": Rule(
        "error",
        "{repo} knows many languages and must be told which one is spoken.",
        "Set data.language to its code, such as en or zh.",
    ),
    "LANGUAGE_IDLE": Rule(
        "error",
        "data.language has no effect with {repo}, which does not choose between languages.",
        "Remove data.language.",
    ),
    "FEW_OTHERS": Rule(
        "warning",
        "A batch holds only {batch_size} choices; the others of a batch are what was not chosen.",
        "Set train.batch_size to 256 or more.",
    ),
    "FEW_ROLLOUT_STEPS": Rule(
        "warning",
        "The agent plays only {batch_size} steps between two updates.",
        "Set train.batch_size to 512 or more.",
    ),
    "VALUE_HEAD_UNREADY": Rule(
        "info",
        "The first stage trains the policy by a value head that knows only the usual environment.",
        "Train [value_head] alone for an epoch before.",
    ),
}
