import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from worker.contract.bases import BaseUnreadableError, PinnedBase
from worker.contract.doctor import check_inventory
from worker.contract.findings import RULES, Finding
from worker.contract.images import decode_image, probe_image
from worker.contract.inventory import DataInventory, take_inventory
from worker.contract.plan import Examination, PinnedInventory, Plan, examine
from worker.contract.presets import Values, merged
from worker.contract.recipe import Columns
from worker.contract.recipe_text import recipe_from_values
from worker.contract.sources import FolderSource


class Files:
    """A data set in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def paths(self) -> Sequence[str]:
        return sorted(self.files)

    def size(self, path: str) -> int:
        return len(self.files[path])

    def read(self, path: str) -> bytes:
        return self.files[path]


def png(number: int, side: int = 8) -> bytes:
    image = Image.new("RGB", (side, side), (number % 256, number // 256, 7))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def folders(*labels: str, count: int = 6, start: int = 0, prefix: str = "") -> dict[str, bytes]:
    return {
        f"{prefix}{label}/{n}.png": png(start + 50 * i + n)
        for i, label in enumerate(labels)
        for n in range(count)
    }


def codes(findings: Sequence[Finding], severity: str | None = None) -> set[str]:
    return {f.code for f in findings if severity in {None, f.severity}}


def one(findings: Sequence[Finding], code: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.code == code]
    return finding


def inventory(files: dict[str, bytes], columns: Columns | None = None) -> DataInventory:
    return take_inventory(Files(files), columns or Columns())


HEAD: Values = {"name": "head", "train": ["head"], "epochs": 1, "optimizer": {"lr": 1e-3}}
ALL: Values = {**HEAD, "name": "all", "train": "all"}
BASE = PinnedBase(repo="a/b", library="torchvision", architecture="resnet18")


def examined(files: dict[str, bytes], **over: object) -> Examination:
    values: Values = {
        "name": "x",
        "model": {"base": {"repo": "a/b"}},
        "data": {"train": {"repo": "a/d"}},
        "train": {"batch_size": 32, "stages": [HEAD]},
    }
    recipe = recipe_from_values(merged(values, over))
    pinned = PinnedInventory(repo="a/d", commit="c", inventory=inventory(files))
    return examine(recipe, BASE, pinned)


def test_good_data_has_no_errors_and_a_plan() -> None:
    answer = examined(folders("cat", "dog"))
    assert answer.errors == ()
    assert answer.plan is not None
    assert answer.plan.classes == ("cat", "dog")
    assert answer.plan.split_sizes == {"train": 10, "validation": 2}
    assert codes(answer.findings) >= {"NO_TEST_SPLIT"}


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n", png(1)[:-20], b"<svg/>", png(1, 64)[:100]]
)
def test_a_broken_image_is_named(content: bytes) -> None:
    answer = examined({**folders("cat", "dog"), "cat/broken.png": content})
    finding = one(answer.errors, "IMAGE_UNREADABLE")
    assert finding.files == ("cat/broken.png",)
    assert "cat/broken.png" in finding.sentence
    assert answer.plan is None


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    buffer = io.BytesIO()
    Image.new("1", (10_000, 5_000)).save(buffer, "PNG")
    assert "40 megapixels" in str(probe_image(buffer.getvalue()).error)


def test_an_empty_class_is_named() -> None:
    found = check_inventory(inventory({**folders("cat", "dog"), "bird/.gitkeep": b""}))
    assert one(found, "CLASS_EMPTY").files == ("bird",)


def test_an_empty_folder_on_disk_is_an_empty_class(tmp_path: Path) -> None:
    for path, content in folders("cat", "dog").items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    (tmp_path / "bird").mkdir()
    found = check_inventory(take_inventory(FolderSource(tmp_path)))
    assert one(found, "CLASS_EMPTY").files == ("bird",)


def test_one_class_only_is_an_error() -> None:
    assert "ONE_CLASS" in codes(examined(folders("cat", prefix="train/")).errors)


@pytest.mark.parametrize("twin", ["Cat", "cat ", "CAT"])
def test_names_that_differ_in_case_or_spaces_are_an_error(twin: str) -> None:
    finding = one(examined(folders("cat", "dog", twin)).errors, "CLASS_TWINS")
    assert repr(twin) in finding.sentence
    assert "'dog'" not in finding.sentence


def test_the_same_image_in_two_splits_is_named() -> None:
    files = {
        **folders("cat", "dog", prefix="train/"),
        **folders("cat", "dog", start=500, prefix="test/"),
        "test/cat/copy.png": png(2),
    }
    finding = one(examined(files).errors, "LEAKAGE")
    assert finding.files == ("train/cat/2.png = test/cat/copy.png",)


def test_a_class_that_only_the_test_split_has_is_an_error() -> None:
    files = {
        **folders("cat", "dog", prefix="train/"),
        **folders("cat", "cow", start=500, prefix="test/"),
    }
    found = examined(files).findings
    assert one(found, "CLASSES_DIFFER").files == ("cow",)
    assert one(found, "CLASS_NOT_MEASURED").files == ("dog",)


def test_a_class_of_one_image_is_an_error() -> None:
    files = {**folders("cat", "dog"), "cow/1.png": png(900)}
    assert one(examined(files).errors, "CLASS_TOO_SMALL").files == ("cow",)


def test_junk_is_ignored_without_a_word() -> None:
    clean = inventory(folders("cat", "dog"))
    junk = {".DS_Store": b"x", "cat/Thumbs.db": b"x", "__MACOSX/cat/._0.png": b"x"}
    dirty = inventory({**folders("cat", "dog"), **junk, "README.md": b"# hello"})
    assert check_inventory(dirty) == check_inventory(clean) == []
    assert dirty.tree_sha256 == clean.tree_sha256


def test_images_outside_of_classes_are_named() -> None:
    files = {**folders("cat", "dog", prefix="train/"), "cover.png": png(7)}
    assert one(examined(files).findings, "FILES_OUTSIDE").files == ("cover.png",)


def test_copies_never_part_into_training_and_validation() -> None:
    files = {
        f"{label}/{n}.png": png(n // 2 + 100 * i) for i, label in enumerate("ab") for n in range(20)
    }
    answer = examined(files, data={"validation": {"fraction": 0.3}})
    assert "LEAKAGE" not in codes(answer.findings)
    assert "DUPLICATES" in codes(answer.findings, "info")


def test_one_image_under_two_classes_is_a_warning() -> None:
    files = {**folders("cat", "dog", count=40), "dog/same.png": png(3)}
    assert one(check_inventory(inventory(files)), "LABELS_CONFLICT").total == 2


def test_no_images_at_all_is_an_error() -> None:
    assert codes(examined({"README.md": b"x"}).errors) == {"NO_DATA"}


def test_a_split_that_is_not_there_is_an_error_with_those_that_are() -> None:
    answer = examined(
        folders("cat", "dog", prefix="train/"), data={"train": {"split": "training-2"}}
    )
    assert "train" in one(answer.errors, "SPLIT_MISSING").sentence


def test_a_folder_around_everything_is_looked_through() -> None:
    found = inventory(folders("cat", "dog", prefix="my set/train/"))
    assert found.splits == ("train",)
    assert {fact.label for fact in found.facts} == {"cat", "dog"}


TABLE = b"image,label\ncat/0.png,cat\ncat/1.png,cat\ndog/0.png,dog\ndog/1.png,dog\n"


def test_a_table_names_its_images() -> None:
    found = inventory({**folders("cat", "dog"), "train.csv": TABLE})
    assert found.kind == "image-table"
    assert len(found.facts) == 4
    assert found.splits == ("train",)


def test_ragged_rows_are_named_by_line() -> None:
    found = inventory({**folders("cat", "dog"), "a.csv": TABLE + b"cat/2.png\ndog/2.png,dog\n"})
    assert one(found.findings, "ROW_UNREADABLE").files == ("a.csv:6",)
    assert len(found.facts) == 5


def test_missing_images_are_named_by_line() -> None:
    found = inventory({**folders("cat", "dog"), "a.csv": TABLE + b"../x.png,dog\n"})
    assert one(found.findings, "IMAGE_MISSING").files == ("a.csv:6 ../x.png",)


def test_a_missing_column_is_told_with_those_that_are_there() -> None:
    found = inventory({"i/0.png": png(1), "a.csv": TABLE}, Columns(label="kind"))
    assert "image, label" in one(found.findings, "COLUMN_MISSING").sentence


def test_chinese_tables_in_their_old_encoding_are_read() -> None:
    text = "image;label\nimages/0.png;猫\nimages/1.png;狗\n".encode("gb18030")
    found = inventory({"images/0.png": png(1), "images/1.png": png(2), "a.csv": text})
    assert {fact.label for fact in found.facts} == {"猫", "狗"}


def test_a_parquet_table_is_read() -> None:
    import pyarrow as pa
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pa.table({"image": ["0.png", "1.png"], "label": ["a", "b"]}), buffer)
    files = {"0.png": png(1), "1.png": png(2), "train.parquet": buffer.getvalue()}
    assert [fact.label for fact in inventory(files).facts] == ["a", "b"]


@pytest.mark.parametrize(
    ("over", "code", "severity"),
    [
        ({"train": {"stages": [HEAD | {"batch_norm": "train"}]}}, "BATCH_NORM_FROZEN", "warning"),
        ({"data": {"normalize": "none"}}, "NORMALIZATION_NOT_PRETRAINED", "warning"),
        ({"train": {"stages": [ALL]}}, "ONE_RATE_FOR_ALL", "warning"),
        ({"train": {"stages": [ALL]}}, "RATE_TOO_HIGH", "warning"),
        ({"train": {"stages": [ALL]}}, "NEW_HEAD_WITH_EVERYTHING", "info"),
        (
            {"train": {"stages": [HEAD, ALL], "batch_size": 4}},
            "BATCH_TOO_SMALL_FOR_BATCH_NORM",
            "warning",
        ),
        ({"train": {"stages": [HEAD | {"train": ["layer4"]}]}}, "HEAD_NEVER_TRAINED", "error"),
        ({"augment": {"preset": "basic"}}, "AUGMENTATION_UNSEEN", "info"),
        ({"model": {"base": {"weights": "random"}}}, "BASE_IS_RANDOM", "info"),
        (
            {"model": {"stem": {"replace": {"conv1": {"kernel_size": 3}}, "init": "random"}}},
            "STEM_RANDOM",
            "warning",
        ),
        ({"model": {"stem": {"replace": {"conv1": {"kernel_size": 3}}}}}, "STEM_FROZEN", "warning"),
    ],
)
def test_a_bad_habit_in_a_recipe_is_told(over: dict, code: str, severity: str) -> None:
    answer = examined(folders("cat", "dog"), **over)
    assert one(answer.findings, code).severity == severity
    assert code not in codes(examined(folders("cat", "dog")).findings)


def test_imbalance_without_weights_is_a_warning() -> None:
    files = {**folders("cat", count=40), **folders("dog", count=6, start=100)}
    assert "IMBALANCED" in codes(examined(files).findings, "warning")
    weighted = examined(files, data={"imbalance": {"class_weight": "balanced"}})
    assert "IMBALANCED" not in codes(weighted.findings)


@pytest.mark.parametrize("code", RULES)
def test_every_rule_has_a_sentence_and_a_way_out(code: str) -> None:
    rule = RULES[code]
    assert rule.message
    assert rule.fix
    assert rule.fix.endswith(".")


def test_a_plan_has_one_hash_whatever_its_places_are_called() -> None:
    files = folders("cat", "dog")
    plan = examined(files).plan
    assert plan is not None
    moved = plan.model_copy(
        update={
            "base": plan.base.model_copy(update={"repo": "else/where", "commit": "1"}),
            "data": plan.data.model_copy(update={"repo": "d", "commit": "2"}),
        }
    )
    assert moved.plan_hash == plan.plan_hash
    assert Plan.model_validate_json(plan.model_dump_json()).plan_hash == plan.plan_hash
    other = examined(files, train={"batch_size": 16}).plan
    assert other is not None
    assert other.plan_hash != plan.plan_hash
    more = examined({**files, "cat/x.png": png(999)}).plan
    assert more is not None
    assert more.plan_hash != plan.plan_hash


def test_a_base_whose_config_names_no_network_is_refused() -> None:
    with pytest.raises(BaseUnreadableError, match="no model that can be trained"):
        PinnedBase.from_config("a/b", "c", {"hidden_size": 3})
    with pytest.raises(BaseUnreadableError):
        PinnedBase.from_config("a/b", "c", {"architecture": "x", "library_name": "keras"})


def test_a_config_as_timm_writes_it_is_understood() -> None:
    config = {
        "architecture": "resnet18",
        "num_classes": 3,
        "label_names": ["a", "b", "c"],
        "pretrained_cfg": {"input_size": [3, 288, 288], "mean": [0.5, 0.5, 0.5], "crop_pct": 0.95},
    }
    base = PinnedBase.from_config("a/b", "c", config)
    assert base.library == "timm"
    assert base.labels == ("a", "b", "c")
    assert base.preprocessing.image_size == 288
    assert base.preprocessing.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "I;16", "1"])
def test_pictures_of_every_mode_become_rgb(mode: str) -> None:
    buffer = io.BytesIO()
    kind = "JPEG" if mode == "CMYK" else "PNG"
    Image.new(mode, (5, 4)).save(buffer, kind)
    assert probe_image(buffer.getvalue()).error is None
    assert decode_image(buffer.getvalue()).mode == "RGB"
