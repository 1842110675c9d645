"""The engine's recipes for the same work as the plain loops: what a user would write, no more."""

from typing import Any

Recipe = dict[str, Any]
# The plain loops train no second network to compare with, and so ours does not here.
_NO_BASELINE = {"evaluate": {"baseline": False}}


def pictures(name: str, base: str, data: str, side: int, **parts: Any) -> Recipe:
    """Return a recipe over a folder of pictures; `parts` are its other blocks."""
    model = {"base": {"repo": base, "weights": "random"}} | parts.pop("model", {})
    source = {"repo": data, "split": "train"}
    return {
        "name": name,
        "model": model,
        "data": {
            "train": source,
            "test": {"repo": data, "split": "test"},
            "validation": {"split": "validation"},
            "image_size": side,
        },
        **_NO_BASELINE,
        **parts,
    }


def stage(trains: Any, epochs: int, name: str, lr: float, **more: Any) -> Recipe:
    """Return one stage."""
    return {
        "name": "stage",
        "train": trains,
        "epochs": epochs,
        "optimizer": {"name": name, "lr": lr},
        **more,
    }


def frozen_resnet(data: str, epochs: int) -> Recipe:
    """Tutorial a."""
    stages = [stage(["head"], epochs, "sgd", 1e-3)]
    train = {"batch_size": 4, "stages": stages}
    return pictures("frozen-resnet", "torchvision/resnet50", data, 224, train=train)


def last_block(data: str, head_epochs: int, epochs: int) -> Recipe:
    """Tutorial c: `head_epochs` of the last layer alone, then with the last block."""
    head = [stage(["head"], head_epochs, "sgd", 1e-3)] if head_epochs else []
    stages = [*head, stage(["layer4", "head"], epochs, "sgd", 1e-3) | {"name": "block"}]
    train = {"batch_size": 32, "stages": stages}
    return pictures("last-block", "torchvision/resnet50", data, 224, train=train)


def all_of(network: str, data: str, batch: int, epochs: int) -> Recipe:
    """Full fine-tuning of a network of torchvision."""
    train = {"batch_size": batch, "stages": [stage("all", epochs, "sgd", 1e-3)]}
    return pictures("all", f"torchvision/{network}", data, 224, train=train)


def vgg_head(data: str, epochs: int) -> Recipe:
    """Tutorial b, first half: two new layers on frozen convolutions, augmented pictures."""
    head = {"type": "mlp", "hidden": [1024], "pool": "flatten"}
    shift = {"RandomAffine": {"degrees": 20, "translate": [0.2, 0.2]}}
    return pictures(
        "vgg-head",
        "torchvision/vgg16",
        data,
        224,
        model={"base": {"repo": "torchvision/vgg16", "weights": "random"}, "head": head},
        augment={"ops": [shift, "RandomHorizontalFlip"]},
        train={"batch_size": 32, "stages": [stage(["head"], epochs, "rmsprop", 1e-5)]},
    )


def bert(base: str, data: str, epochs: int, lr: float = 2e-5) -> Recipe:
    """Tutorial d."""
    return {
        "name": "bert",
        "task": "text-classification",
        "model": {"base": {"repo": base}},
        "data": {
            "train": {"repo": data, "split": "train"},
            "test": {"repo": data, "split": "test"},
            "validation": {"split": "validation"},
            "max_length": 512,
        },
        **_NO_BASELINE,
        "train": {"batch_size": 16, "stages": [stage("all", epochs, "adamw", lr)]},
    }


def small_images(data: str, epochs: int) -> Recipe:
    """Tutorial e, with its own numbers."""
    train = {"batch_size": 100, "stages": [stage("all", epochs, "sgd", 1e-3)]}
    return _small(data, train)


def small_images_fast(data: str, epochs: int) -> Recipe:
    """The network of tutorial e, trained as the guide advises: a rate that rises and falls."""
    found = stage("all", epochs, "sgd", 0.05, scheduler={"name": "one_cycle", "warmup_ratio": 0.3})
    found["optimizer"] |= {"momentum": 0.9, "weight_decay": 5e-4}
    return _small(data, {"batch_size": 100, "label_smoothing": 0.1, "stages": [found]})


def _small(data: str, train: Recipe) -> Recipe:
    base = {"repo": "torchvision/resnet18", "weights": "random"}
    stem = {
        "replace": {
            "conv1": {"kernel_size": 3, "stride": 1, "padding": 1},
            "maxpool": {"identity": True},
        }
    }
    return pictures(
        "small-images",
        "torchvision/resnet18",
        data,
        32,
        model={"base": base, "stem": stem},
        augment={"ops": ["RandomHorizontalFlip", {"RandomCrop": {"size": 32, "padding": 4}}]},
        train=train,
    )


def grid(data: str) -> Recipe:
    """Twelve ways to train a head, each on five parts of the data: a sweep."""
    found = frozen_resnet(data, 10)
    # Each part validates once, so no split of its own does.
    found["data"].pop("validation")
    return found | {
        "search": {
            "sampler": "grid",
            "space": {
                "train.stages.0.optimizer.lr": {"choice": [1e-4, 1e-3, 1e-2, 1e-1]},
                "train.stages.0.optimizer.weight_decay": {"choice": [0.0, 1e-4, 1e-2]},
            },
        },
        "cross_validation": {"n_splits": 5},
    }


def ranking(data: str, samples: int) -> Recipe:
    """Two candidates of the same size to compare."""
    return {
        "kind": "rank-models",
        "name": "ranking",
        "candidates": [
            {"repo": "torchvision/resnet50", "weights": "random"},
            {"repo": "timm/resnet50", "weights": "random"},
        ],
        "data": {"train": {"repo": data, "split": "train"}},
        "sample_limit": samples,
        "image_size": 224,
    }
