"""The doctor's rules about the machines that are there, and about rates."""

from worker.contract.rules import Rule

MACHINE_RULES: dict[str, Rule] = {
    "MEMORY_SHORT": Rule(
        "error",
        "This needs {low} to {high} GB of memory; the largest worker for it has {has} GB.",
        "Take a batch_size of {batch_size} with gradient_accumulation_steps {steps}; a smaller "
        "data.image_size or data.max_length, or training only the head, needs less too.",
    ),
    "MEMORY_TIGHT": Rule(
        "warning",
        "This may need up to {high} GB of memory; the largest worker for it has {has} GB.",
        "A batch_size of {batch_size} with gradient_accumulation_steps {steps} makes the same "
        "updates with less; training only the head needs least.",
    ),
    "GPU_MEMORY_TIGHT": Rule(
        "warning",
        "This may need {low} to {high} GB of GPU memory; the largest GPU for it has {has} GB.",
        "A batch_size of {batch_size} with gradient_accumulation_steps {steps} makes the same "
        "updates with less; else parts are halved while it runs.",
    ),
    "TIME_SHORT": Rule(
        "warning",
        "This takes at least {minutes} minutes, and resources.max_minutes is {limit}.",
        "Raise resources.max_minutes, or take fewer epochs.",
    ),
    "SAME_RATES": Rule(
        "warning",
        "Stage {stage} names groups of parameters, and gives all of them the rate {lr}.",
        "Give the pretrained groups a tenth of the head's rate under lr_by_group.",
    ),
    "ADAM_ON_TRANSFORMER": Rule(
        "warning",
        "Stage {stage} trains a transformer with adam, which adds weight decay to the gradient "
        "and scales it away.",
        "Use adamw, which keeps the two apart.",
    ),
}
