"""What the doctor can find: every rule with its sentence and its advice."""

from collections.abc import Sequence

from pydantic import Field

from worker.contract.base import Wire
from worker.contract.data_rules import DATA_RULES
from worker.contract.machine_rules import MACHINE_RULES
from worker.contract.rules import Rule, Severity
from worker.contract.sound_rules import SOUND_RULES
from worker.contract.strategy_rules import STRATEGY_RULES
from worker.contract.text_rules import TEXT_RULES
from worker.contract.vision_rules import VISION_RULES

__all__ = ["RULES", "Finding", "Rule", "Severity", "found"]

SHOWN_FILES = 20


RULES: dict[str, Rule] = {
    "DATA_UNFIT": Rule(
        "error",
        "{task} needs {missing}, which {repo} ({kind}) does not have; it has: {fields}.",
        "Choose a task that fits the data, or name the right columns under data.columns.",
    ),
    "BASE_UNFIT": Rule(
        "error",
        "{repo} is a network of {library}, which cannot do {task}.",
        "Choose a base model of one of these libraries: {fitting}.",
    ),
    "NO_DATA": Rule(
        "error",
        "Nothing that can be learned from was found in the data set.",
        "Put pictures or recordings into one folder per class, or add a table (CSV, JSON lines, "
        "Parquet) with columns such as text and label.",
    ),
    "ARCHIVE_INVALID": Rule("error", "{reason}", "Pack the folder again as a plain zip file."),
    "IMAGE_UNREADABLE": Rule(
        "error",
        "{total} images cannot be read; the first: {first} ({reason}).",
        "Replace or remove these files.",
    ),
    "CLASS_EMPTY": Rule(
        "error",
        "These classes have no files: {classes}.",
        "Add files to the folder or remove it.",
    ),
    "ONE_CLASS": Rule(
        "error",
        "There is only one class ({classes}); nothing can be told apart.",
        "Give every class its own folder; at least two are needed.",
    ),
    "CLASS_TWINS": Rule(
        "error",
        "These class names differ only in case or spaces: {classes}.",
        "Rename them so that each class has exactly one name.",
    ),
    "CLASS_TOO_SMALL": Rule(
        "error",
        "These classes have fewer than 2 training examples: {classes}.",
        "Add examples, or leave the class out.",
    ),
    "KIND_RARE": Rule(
        "warning",
        "These kinds occur in one training example only: {classes}. They will hardly be found.",
        "Add examples of them, or leave the kinds out.",
    ),
    "CLASSES_DIFFER": Rule(
        "error",
        "The {split} split has classes that training never sees: {classes}.",
        "Add training examples of them, or remove them from the {split} split.",
    ),
    "CLASS_NOT_MEASURED": Rule(
        "warning",
        "The {split} split has no examples of these classes: {classes}.",
        "Their accuracy stays unknown; add some examples of each.",
    ),
    "LEAKAGE": Rule(
        "error",
        "{total} examples are in {one} and in {other} alike, so the result would look too good.",
        "Remove them from one of the two splits.",
    ),
    "LEAKAGE_SMALL": Rule(
        "warning",
        "{total} examples are in {one} and in {other} alike; the result looks a little too good.",
        "Remove them from one of the two splits.",
    ),
    "GROUP_PARTED": Rule(
        "error",
        "{total} groups have examples in {one} and in {other}, so the result would look too good.",
        "Put all examples of a group into one split, or leave the splits to this site.",
    ),
    "DUPLICATES": Rule(
        "info",
        "{total} examples appear more than once in the {split} split.",
        "Harmless when meant; else remove the copies.",
    ),
    "LABELS_CONFLICT": Rule(
        "warning",
        "{total} examples appear under two different classes.",
        "Decide for one class each and remove the other copy.",
    ),
    "FILES_OUTSIDE": Rule(
        "warning",
        "{total} files lie outside of any class folder and are not used.",
        "Move them into the folder of their class.",
    ),
    "ANIMATED": Rule(
        "info", "Of {total} animated images only the first frame is used.", "Nothing to do."
    ),
    "ROW_UNREADABLE": Rule(
        "error",
        "{total} rows of {table} cannot be read; the first is line {line}.",
        "Give every row as many cells as the heading, and a value in each column that is used.",
    ),
    "COLUMN_MISSING": Rule(
        "error",
        "{table} has no column {column}; its columns are: {columns}.",
        "Name the right columns under data.columns.",
    ),
    "IMAGE_MISSING": Rule(
        "error",
        "{total} rows of {table} name an image that is not there; the first: {first}.",
        "Upload the images, or correct the paths; they count from the table's own folder.",
    ),
    "TABLE_UNREADABLE": Rule(
        "error", "{table} cannot be read: {reason}.", "Save it as UTF-8 CSV or as Parquet."
    ),
    "SPLIT_MISSING": Rule(
        "error",
        "There is no split {split}; the data set has: {splits}.",
        "Name one of its splits, or leave the split out.",
    ),
    "NO_TEST_SPLIT": Rule(
        "info",
        "There is no test split, so the result shown comes from validation examples.",
        "Name a test split under data.test for a number nobody chose by.",
    ),
    "NO_VALIDATION": Rule(
        "error",
        "There are too few training examples to keep any for validation.",
        "Add examples, or name a validation split.",
    ),
    "TEST_USED_TWICE": Rule(
        "warning",
        "The same split {split} is used for validation and for the test.",
        "Let validation be a part of training, so that the test stays unseen.",
    ),
    "IMBALANCED": Rule(
        "warning",
        "The largest class has {ratio} times the examples of the smallest; accuracy hides the "
        "small ones.",
        "Set data.imbalance.class_weight to balanced and look at the table per class.",
    ),
    "BATCH_NORM_FROZEN": Rule(
        "warning",
        "Stage {stage} freezes layers but lets their BatchNorm statistics move.",
        "Set batch_norm to auto: frozen layers then stay as they were.",
    ),
    "BATCH_TOO_SMALL_FOR_BATCH_NORM": Rule(
        "warning",
        "Stage {stage} trains BatchNorm with batches of {batch_size}: noisy statistics.",
        "Use a batch_size of 16 or more, or set batch_norm to eval.",
    ),
    "NORMALIZATION_NOT_PRETRAINED": Rule(
        "warning",
        "Images are not normalised with the numbers that the pretrained weights were made for.",
        "Set data.normalize to pretrained.",
    ),
    "ONE_RATE_FOR_ALL": Rule(
        "warning",
        "Stage {stage} trains the pretrained layers and the new head with one learning rate.",
        "Give the layers a tenth of the rate under lr_by_group, or set layer_decay.",
    ),
    "RATE_TOO_HIGH": Rule(
        "warning",
        "Stage {stage} moves pretrained layers with {optimizer} at {lr}; that often destroys them.",
        "Use {advised} or less.",
    ),
    "NEW_HEAD_WITH_EVERYTHING": Rule(
        "info",
        "The first stage trains everything together with a head that still knows nothing.",
        "Train the head alone for an epoch or two before.",
    ),
    "STEM_RANDOM": Rule(
        "warning",
        "The new stem starts from random numbers, so what the checkpoint learned there is lost.",
        "Set model.stem.init to center_pretrained.",
    ),
    "STEM_FROZEN": Rule(
        "warning",
        "Stage {stage} keeps the replaced stem frozen, although it is new.",
        "Train the stem as well, or train all.",
    ),
    "AUGMENTATION_UNSEEN": Rule(
        "info",
        "Stage {stage} trains only the head, with random augmentation: every epoch runs the "
        "whole network.",
        "Without augmentation the features are computed once, which is many times faster.",
    ),
    "HEAD_NEVER_TRAINED": Rule(
        "error",
        "No stage trains the new head, so the classes cannot be learned.",
        "Add `head` to the selectors of a stage.",
    ),
    "BASE_IS_RANDOM": Rule(
        "info",
        "The network starts from random weights, as the recipe asks.",
        "Set model.base.weights to pretrained to start from what it learned before.",
    ),
    "UPSCALED": Rule(
        "info",
        "The images are about {pixels} pixels wide and are enlarged to {image_size}.",
        "A smaller data.image_size is faster and often as good.",
    ),
    **DATA_RULES,
    **TEXT_RULES,
    **STRATEGY_RULES,
    **VISION_RULES,
    **SOUND_RULES,
    **MACHINE_RULES,
}


class Finding(Wire):
    """One thing the doctor found. `files` holds at most 20 of `total`."""

    code: str
    severity: Severity
    message: str
    fix: str
    params: dict[str, str | int | float] = Field(default_factory=dict)
    files: tuple[str, ...] = ()
    total: int = 0

    @property
    def sentence(self) -> str:
        """The English message, filled in. A site translates `message` and fills it itself."""
        return self.message.format(**self.params)

    @property
    def advice(self) -> str:
        """The English advice, filled in."""
        return self.fix.format(**self.params)


def found(code: str, files: Sequence[str] = (), **params: str | float) -> Finding:
    """Return the finding of a rule with its params; `total` is the number of files."""
    rule = RULES[code]
    values: dict[str, str | int | float] = {"total": len(files), **params}
    return Finding(
        code=code,
        severity=rule.severity,
        message=rule.message,
        fix=rule.fix,
        params=values,
        files=tuple(files[:SHOWN_FILES]),
        total=len(files),
    )
