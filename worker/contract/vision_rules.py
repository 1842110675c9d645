"""The doctor's rules about recipes that look at every place of a picture."""

from worker.contract.rules import Rule

VISION_RULES: dict[str, Rule] = {
    "SIDE_UNFIT": Rule(
        "error",
        "Pictures of {image_size} pixels do not fit: {task} needs a multiple of {unit}.",
        "Set data.image_size to {better}.",
    ),
    "CHANGE_LEAVES_TARGETS": Rule(
        "error",
        "augment: {name} changes pictures but does not move their boxes or masks.",
        "Take the preset basic, or flips, crops, rotations and colours under ops.",
    ),
}
