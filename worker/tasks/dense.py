"""What finding boxes and naming pixels have in common: pictures in squares, heads on maps."""

from pydantic import JsonValue

from worker.contract.bases import Preprocessing
from worker.data.batches import FeatureSplit, Split
from worker.data.dense import Joint, Pictures, load_pictures
from worker.data.joint import joint_transform
from worker.data.pixels import measure_colors
from worker.data.samples import Samples
from worker.export.config import preprocessor_values
from worker.modeling.backbones import OWN_LIBRARY, BackboneSpec, own_config
from worker.modeling.dense import Kind, build_dense
from worker.modeling.network import Network
from worker.task import ModelFiles, Setting, Task


class DenseTask(Task):
    """A task on the maps of a backbone; `kind` is the network. The doctor has seen to sizes."""

    kind: Kind

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._preprocessing = self.plan.images
        self._spec: BackboneSpec | None = None

    @property
    def side(self) -> int:
        """The side of the squares the network is fed, in pixels."""
        return self.plan.images.image_size

    @property
    def spec(self) -> BackboneSpec:
        """What the backbone is; known once the network is built."""
        assert self._spec is not None  # noqa: S101 - the engine builds first
        return self._spec

    def build(self) -> Network:
        """Return the backbone of the base with a head of this task."""
        network, self._spec = build_dense(self.plan, self.kind, self.setting.weights)
        return network

    def pictures(self, samples: dict[str, Samples]) -> dict[str, Pictures]:
        """Return the pictures of every split; colours are measured on training where asked."""
        read = {
            name: load_pictures(part, self._preprocessing, self.setting.cache, self.notes.append)
            for name, part in samples.items()
        }
        if self.plan.recipe.data.normalize == "dataset":
            mean, std = measure_colors(read["train"].images_NCHW)
            changes = {"mean": tuple(mean), "std": tuple(std)}
            self._preprocessing = self._preprocessing.model_copy(update=changes)
        return read

    @staticmethod
    def origin(split: Split) -> Split:
        """Return the pictures a split is made of, also where their front was computed before."""
        while isinstance(split, FeatureSplit):
            split = split.source
        return split

    @property
    def preprocessing(self) -> Preprocessing:
        """How pictures are prepared, colours measured."""
        return self._preprocessing

    def transform(self, name: str) -> Joint | None:
        """Return what is done at random to the pictures of a split."""
        return joint_transform(self.plan.recipe.augment, self.side) if name == "train" else None

    def model_files(self, snippet: str, width: int) -> ModelFiles:
        """Return the files that rebuild the network here and, by the snippet, anywhere."""
        classes, numbers = list(self.plan.classes), self._preprocessing
        shown: JsonValue = numbers.model_dump(mode="json")
        config: dict[str, JsonValue] = {
            "architecture": f"{OWN_LIBRARY}/{self.kind}",
            "library_name": self.spec.library,
            "task": self.plan.recipe.task,
            "backbone": own_config(self.spec),
            "width": width,
            "num_classes": len(classes),
            "labels": [*classes],
            "label_names": [*classes],
            "id2label": {str(number): label for number, label in enumerate(classes)},
            "preprocessing": shown,
        }
        size: dict[str, JsonValue] = {"height": self.side, "width": self.side}
        prepared = preprocessor_values(numbers) | {
            "do_center_crop": False,
            "size": {"longest_edge": self.side},
            "do_pad": True,
            "pad_size": size,
        }
        del prepared["crop_size"]
        return ModelFiles(
            snippet=snippet,
            jsons={"config.json": config, "preprocessor_config.json": prepared},
            texts={"labels.txt": "".join(f"{label}\n" for label in classes)},
        )
