"""Data that are larger than memory: the same samples, the same order, the same result."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.worker.builders import Values, recipe_values, run, stage
from worker.contract.failures import RunError
from worker.contract.inventory import inventory_of, open_data
from worker.contract.recipe import Columns
from worker.contract.sources import FolderSource
from worker.data import pixels, ragged
from worker.data.ragged import Ragged


def quick() -> Values:
    return recipe_values(stage(epochs=2), augment={"preset": "basic"}, evaluate={"baseline": False})


@pytest.mark.parametrize("kept", ["file", "nowhere"])
def test_pictures_that_do_not_fit_give_the_result_of_those_that_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    plain = run(folder, quick(), out="plain")
    monkeypatch.setattr(pixels, "MEMORY_LIMIT_BYTES", 1000)
    if kept == "nowhere":
        monkeypatch.setattr(pixels, "_room", lambda _folder: 0)
    large = run(folder, quick(), out="large")
    assert large.result.weights_sha256 == plain.result.weights_sha256
    assert large.result.splits == plain.result.splits
    lines = [line for event in large.events if event.kind == "LogWritten" for line in event.lines]
    expected = "lie in a file" if kept == "file" else "decoded anew"
    assert any(expected in line for line in lines)


def test_colours_are_measured_alike_wherever_pictures_lie(tmp_path: Path) -> None:
    pictures = torch.randint(0, 256, (300, 3, 8, 8), dtype=torch.uint8)
    kept = pixels.KeptPixels(pixels.FilePixels(300, 8, tmp_path), lambda place: pictures[place])
    fresh = pixels.FreshPixels(300, 8, lambda place: pictures[place])
    order = torch.randperm(300)
    for other in (kept, fresh):
        assert torch.equal(other[order], pictures[order])
        assert pixels.measure_colors(other) == pixels.measure_colors(pictures)


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pixels, "MEMORY_LIMIT_BYTES", 0)
    monkeypatch.setattr("os.pwrite", full)
    kept = pixels.decoded_pixels(
        2, 8, lambda _: torch.zeros(3, 8, 8, dtype=torch.uint8), tmp_path, print
    )
    with pytest.raises(RunError, match="No space left"):
        kept[torch.arange(2)]


def test_rows_of_tokens_are_the_same_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [list(range(n % 7)) for n in range(2000)]
    plain = Ragged(rows)
    monkeypatch.setattr(ragged, "MEMORY_LIMIT_BYTES", 1000)
    filed = Ragged(rows)
    assert plain.lengths.tolist() == filed.lengths.tolist() == [n % 7 for n in range(2000)]
    assert all(torch.equal(one, other) for one, other in zip(plain, filed, strict=True))
    assert [row.tolist() for row in filed] == rows
    assert filed[-1].dtype == torch.int64


def test_pictures_in_parquet_are_unpacked_a_part_at_a_time(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    contents = []
    for number in range(40):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (number, 9, 9)).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    table = pa.table({"image": contents, "label": ["ab"[n % 2] for n in range(40)]})
    (tmp_path / "d").mkdir()
    parquet.write_table(table, tmp_path / "d/train.parquet", row_group_size=7)
    data = open_data(FolderSource(tmp_path / "d"), Columns())
    read = [data.files.read(item.path) for item in reversed(data.layout.items)]
    assert read == contents[::-1]
    assert len({fact.sha256 for fact in inventory_of(data).facts}) == 40


_PROBE = """
import sys, torch
sys.path.insert(0, {root!r})
from pathlib import Path
from worker.contract.bases import Preprocessing
from worker.contract.inventory import inventory_of, open_data
from worker.contract.sources import FolderSource
from worker.data import pixels
from worker.data.images import Decoder, load_images
numbers = Preprocessing(image_size=256, crop_pct=1.0)
data = open_data(FolderSource(Path({data!r})))
facts = inventory_of(data, probe=False).facts
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
def taken(limit):
    pixels.MEMORY_LIMIT_BYTES = limit
    # From here on the peak counts anew.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    found = load_images(
        data.files, facts, ["a", "b"], Decoder(numbers, 256), Path({cache!r}), str
    )
    for indices in torch.randperm(len(facts)).split(32):
        assert found.images_NCHW[indices].shape[1:] == (3, 256, 256)
    return peak() - before
print(taken({limit}), taken(10**12))
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_pictures_of_three_times_the_limit_take_no_more_than_a_batch(tmp_path: Path) -> None:
    """A zip file of 1,000 pictures, 197 MB decoded, with room for 64 MB of them."""
    random = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data/all.zip", "w") as archive:
        for number in range(1000):
            pixels_HW3 = np.full((256, 256, 3), random.integers(256, size=3), np.uint8)
            pixels_HW3[0, 0] = (number % 256, number // 256, 0)
            buffer = io.BytesIO()
            Image.fromarray(pixels_HW3).save(buffer, "PNG", compress_level=1)
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", buffer.getvalue())
    limit = 64 * 1024**2
    code = _PROBE.format(
        root=str(Path(__file__).parents[2]),
        limit=limit,
        data=str(tmp_path / "data"),
        cache=str(tmp_path / "cache"),
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=280
    )
    in_file, in_memory = (int(word) for word in done.stdout.split())
    # Decoding itself takes about 50 MB either way; the pictures take 197 MB more, or none.
    assert in_memory > 2.5 * limit
    assert in_memory - in_file > 2 * limit, (in_file, in_memory)
