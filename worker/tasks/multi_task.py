"""Several tasks on pictures at once: classes and numbers, from one network with outputs for all."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.contract.manifest import Result, SplitMetrics
from worker.contract.tasks import TASKS, measure_of
from worker.data.batches import Batch, Split
from worker.data.images import ImageSet
from worker.data.joined import JoinedSplit, Part, part_of
from worker.data.samples import Samples
from worker.evaluation.joined import JoinedMeter
from worker.export.config import config_values, preprocessor_values
from worker.export.snippet import joined_snippet
from worker.modeling.network import Network, build_network
from worker.task import ModelFiles, Setting
from worker.tasks.image_classification import ImageClassification
from worker.training.balancing import Balance
from worker.training.losses import TINY


class MultiTask(ImageClassification):
    """Tells classes apart, and does further tasks on the same features."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        wanted = self.plan.recipe.multi_task
        assert wanted is not None  # noqa: S101 - only such plans come here
        self._wanted = wanted
        main = wanted.tasks[0]
        self.parts = [Part(main.name, 0, self.plan.classes, loss_weight=main.loss_weight)]
        self._targets: dict[str, Tensor] = {}
        self._balance: Balance | None = None
        self._network: Network | None = None

    def look(self, samples: Mapping[str, Samples]) -> None:
        """Learn the classes and the spreads of the further tasks from the training samples."""
        for task in self._wanted.further:
            last = self.parts[-1]
            self.parts.append(part_of(task, last.start + last.size, samples["train"].rows))
        labels = {label: number for number, label in enumerate(self.plan.classes)}
        for name, part in samples.items():
            main = torch.tensor([float(labels.get(fact.label, -1)) for fact in part.facts])
            others = [further.targets(part.rows) for further in self.parts[1:]]
            self._targets[name] = torch.stack([main, *others], dim=1)
        self.notes += [_told(part, self._targets["train"][:, n]) for n, part in self._further()]

    def _further(self) -> list[tuple[int, Part]]:
        return list(enumerate(self.parts))[1:]

    def build(self) -> Network:
        """Return the base network with outputs for every task."""
        outputs = sum(part.size for part in self.parts)
        network = build_network(self.plan, self.setting.weights, outputs)
        weights = [part.loss_weight for part in self.parts]
        self._balance = Balance(self._wanted.loss_balancing, weights, network.head_module)
        # Groups are lists of names: what balancing learns belongs to the head.
        self._network = network.divided_anew()
        return self._network

    def _split(self, name: str, images: ImageSet) -> Split:
        transform = self._transform(images) if name == "train" else None
        numbers, device = self._preprocessing, self.setting.device
        return JoinedSplit(images, numbers, transform, device, self._targets[name])

    def losses(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss of each task (T,) over the samples that have its label."""
        found = [self._main_loss(output, batch)]
        for number, part in self._further():
            targets_B = batch.targets[:, number]
            shares_B = (~targets_B.isnan()).float()
            if batch.weights_B is not None:
                shares_B = shares_B * batch.weights_B
            each_B = _each_loss(part, part.of(output.float()), targets_B.nan_to_num())
            found.append((each_B * shares_B).sum() / shares_B.sum().clamp_min(TINY))
        return torch.stack(found)

    def _main_loss(self, output: Tensor, batch: Batch) -> Tensor:
        scores, labels = self.parts[0].of(output.float()), batch.targets[:, 0].long()
        loss: Tensor = self._loss(scores, labels, batch.weights_B)
        return loss

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the losses of all tasks, balanced."""
        assert self._balance is not None  # noqa: S101 - build came before
        return self._balance.total(self.losses(output, batch), self._shared())

    def _shared(self) -> nn.Parameter | None:
        """Return the last matrix in front of the head that trains."""
        assert self._network is not None  # noqa: S101 - build came before
        prefix = f"{self._network.head_path}."
        shared = [
            parameter
            for name, parameter in self._network.module.named_parameters()
            if parameter.requires_grad and parameter.dim() > 1 and not name.startswith(prefix)
        ]
        return shared[-1] if shared else None

    def weight(self, batch: Batch) -> float:
        """Return the number of samples, or the sum of their weights."""
        return float(batch.size if batch.weights_B is None else batch.weights_B.sum())

    def hits(self, output: Tensor, batch: Batch) -> tuple[float, int]:
        """Return how many classes of the first task were right."""
        right = self.parts[0].of(output).argmax(dim=1) == batch.targets[:, 0]
        return float(right.sum()), batch.size

    def meter(self, split: Split) -> JoinedMeter:  # type: ignore[override] # another meter of the same protocol
        """Return a meter of every task."""
        return JoinedMeter(self.parts, split.names, self._plain_loss)

    def _plain_loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the losses added up by the weights of the recipe, however they are balanced."""
        weights_T = torch.tensor([part.loss_weight for part in self.parts], device=output.device)
        return (self.losses(output, batch) * weights_T).sum()

    def close(self, network: Network) -> None:
        """Take what balancing learned out of the network."""
        assert self._balance is not None  # noqa: S101 - build came before
        del network
        self._balance.release()

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config, with the outputs of each task, and the labels of the first."""
        del result
        base, numbers = self.plan.base, self._preprocessing
        config = config_values(base, (), numbers, network.head, network.stem)
        outputs = sum(part.size for part in self.parts)
        config |= {"num_classes": outputs, "labels": None, "label_names": None}
        config["tasks"] = [
            {
                "name": part.name,
                "start": part.start,
                "labels": list(part.classes) or None,
                "mean": part.mean,
                "std": part.std,
            }
            for part in self.parts
        ]
        return ModelFiles(
            snippet=joined_snippet(base, numbers, network.replacements),
            jsons={"config.json": config, "preprocessor_config.json": preprocessor_values(numbers)},
        )

    def summary(self, metrics: SplitMetrics) -> str:
        """Return one sentence for the card."""
        told = [
            f"{measure_of(name).title} of {name.partition('/')[0]} **{value:.4g}**"
            for name, value in metrics.values.items()
            if name.partition("/")[2] in {spec.metric for spec in TASKS.values()}
        ]
        return f"{super().summary(metrics)} On the same features: {', '.join(told)}."


def _each_loss(part: Part, output_BK: Tensor, targets_B: Tensor) -> Tensor:
    if part.classes:
        return functional.cross_entropy(output_BK, targets_B.long(), reduction="none")
    return (output_BK[:, 0] - targets_B).square()


def _told(part: Part, targets_N: Tensor) -> str:
    known = int((~targets_N.isnan()).sum())
    kind = f"{len(part.classes)} classes" if part.classes else "a number"
    return f"{part.name}: {kind}, labels for {known} of {len(targets_N)} training samples."


TASK = MultiTask
