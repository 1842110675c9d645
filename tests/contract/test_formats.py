"""Every format is told from the others, read into canonical rows, and its faults are named."""

import gzip
import io
import json
import pickle
import struct
import zipfile

import pytest
from PIL import Image

from tests.contract.test_doctor import Files, codes, folders, inventory, one, png
from worker.contract.base import canonical_json
from worker.contract.doctor import check_inventory, check_splits
from worker.contract.inventory import open_data
from worker.contract.items import Item, Layout
from worker.contract.recipe import Columns, Data
from worker.contract.splits import Splits, assign_splits

FilesOf = dict[str, bytes]


def layout(files: FilesOf, **columns: str) -> Layout:
    return open_data(Files(files), Columns(**columns)).layout


def rows(files: FilesOf, **columns: str) -> list[Item]:
    return layout(files, **columns).items


def splits(files: FilesOf, **columns: str) -> Splits:
    data = Data.model_validate({"train": {"repo": "a/b"}})
    return assign_splits(inventory(files, Columns(**columns)), None, data, 0)


def jsonl(*values: object) -> bytes:
    return "\n".join(json.dumps(value) for value in values).encode()


def wave(seconds: float = 0.5, rate: int = 8000, value: int = 0) -> bytes:
    samples = bytes([value]) * int(seconds * rate)
    head = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(body) + len(samples)) + body + samples


def npy(data: bytes, shape: tuple[int, ...], descr: str = "|u1") -> bytes:
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def npz(**arrays: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)
    return out.getvalue()


def idx(data: bytes, *shape: int) -> bytes:
    return gzip.compress(struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + data)


def mask(*values: int, mode: str = "L") -> bytes:
    image = Image.new(mode, (8, 8))
    for number, value in enumerate(values):
        image.putpixel((number % 8, number // 8), value)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


TEXTS = "text,label\n" + "".join(f"words number {n},{'ab'[n % 2]}\n" for n in range(40))
CONLL = "John\tB-PER\nlives\tO\n\nin\tO\nNew\tB-LOC\nYork\tI-LOC\n\n"
SQUAD = {
    "data": [
        {
            "title": "t",
            "paragraphs": [
                {
                    "context": "The sky is blue.",
                    "qas": [
                        {
                            "id": "1",
                            "question": "What colour?",
                            "answers": [{"text": "blue", "answer_start": 11}],
                        }
                    ],
                }
            ],
        }
    ]
}
COCO = {
    "images": [{"id": 1, "file_name": "0.png", "width": 8, "height": 8}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}],
    "categories": [{"id": 3, "name": "cell"}],
}
VOC = (
    b"<annotation><filename>0.png</filename><size><width>8</width><height>8</height></size><object>"
    b"<name>cell</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>6</ymax></bndbox>"
    b"</object></annotation>"
)
RATINGS = "userId,movieId,rating,timestamp\n" + "".join(
    f"{user},{item},{item % 5 + 1},{1000 + item}\n" for user in range(4) for item in range(6)
)
SAMPLES: dict[str, tuple[FilesOf, dict[str, object]]] = {
    "text-table": ({"train.csv": TEXTS.encode()}, {"text": "words number 0"}),
    "conll": (
        {"train.conll": CONLL.encode()},
        {"tokens": ["John", "lives"], "tags": ["B-PER", "O"]},
    ),
    "squad": (
        {"train.json": json.dumps(SQUAD).encode()},
        {
            "question": "What colour?",
            "context": "The sky is blue.",
            "answers": [{"text": "blue", "start": 11}],
        },
    ),
    "chat": (
        {"train.jsonl": jsonl({"instruction": "Add", "input": "1 + 1", "output": "2"})},
        {
            "messages": [
                {"role": "user", "content": "Add\n\n1 + 1"},
                {"role": "assistant", "content": "2"},
            ]
        },
    ),
    "interactions": (
        {"ratings.csv": RATINGS.encode(), "movies.csv": b"movieId,title\n1,Toys\n"},
        {"user": "0", "item": "0", "rating": 1.0, "timestamp": 1000.0},
    ),
    "coco": (
        {"train/_annotations.json": json.dumps(COCO).encode(), "train/0.png": png(1)},
        {"objects": [{"bbox": [1, 2, 3, 4], "category": "cell", "area": 12, "iscrowd": 0}]},
    ),
    "voc": (
        {"Annotations/0.xml": VOC, "JPEGImages/0.png": png(1)},
        {"objects": [{"bbox": [1, 2, 3, 4], "category": "cell", "area": 12, "iscrowd": 0}]},
    ),
    "yolo": (
        {
            "data.yaml": b"names: [cell]\n",
            "images/0.png": png(1),
            "labels/0.txt": b"0 0.3125 0.5 0.375 0.5\n",
        },
        {"objects": [{"bbox": [1, 2, 3, 4], "category": "cell", "area": 12, "iscrowd": 0}]},
    ),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_format_is_recognised_and_its_first_row_is_canonical(kind: str) -> None:
    files, expected = SAMPLES[kind]
    found = layout(files)
    assert (found.kind, found.candidates[0].format) == (kind, kind)
    assert found.candidates[0].sentence
    values = dict(found.items[0].values)
    assert (
        canonical_json(values) == canonical_json(json.loads(json.dumps(expected), parse_int=int))
        or values == expected
    )
    assert not [f for f in check_inventory(inventory(files)) if f.severity == "error"]


def test_losing_formats_are_shown_with_their_reasons() -> None:
    found = layout({**folders("cat", "dog"), "texts.csv": TEXTS.encode()})
    assert [candidate.format for candidate in found.candidates] == [
        "text-table",
        "image-folder",
        "image-table",
    ]
    assert "cat, dog" in found.candidates[1].sentence


def test_texts_in_an_old_encoding_and_json_lines_are_read_alike() -> None:
    csv = rows({"a.csv": "文本,标签\n好,正\n坏,负\n".encode("gb18030")})
    lines = rows({"a.jsonl": jsonl({"文本": "好", "标签": "正"}, {"文本": "坏", "标签": "负"})})
    assert [(r.values, r.label) for r in csv] == [(r.values, r.label) for r in lines]


def test_a_recipe_may_name_the_columns_of_any_table() -> None:
    files = {"a.csv": b"q,w,g\nhello,1.5,x\nworld,2,y\n"}
    found = layout(files, text="q", target="w", group="g")
    assert [dict(item.values) for item in found.items] == [
        {"text": "hello", "target": 1.5},
        {"text": "world", "target": 2.0},
    ]
    assert [item.group for item in found.items] == ["x", "y"]


def test_several_classes_of_a_text_are_a_list() -> None:
    (row,) = rows({"a.jsonl": jsonl({"text": "x", "labels": ["sport", "news"]})})
    assert (row.label, row.labels) == ("", ("sport", "news"))


@pytest.mark.parametrize(
    ("tags", "scheme", "plain"),
    [
        ("B-X I-X O", "BIO", "B-X I-X O"),
        ("B-X E-X S-Y", "BIOES", "B-X I-X B-Y"),
        ("B-X M-X E-X S-X", "BMES", "B-X I-X I-X B-X"),
        ("I-X I-X O I-Y", "IO", "B-X I-X O B-Y"),
        ("NN VB DT", "none", "NN VB DT"),
    ],
)
def test_tags_of_every_scheme_become_one(tags: str, scheme: str, plain: str) -> None:
    text = "\n".join(f"w{n} {tag}" for n, tag in enumerate(tags.split()))
    found = layout({"a.conll": text.encode()})
    assert found.notes["scheme"] == scheme
    assert found.items[0].values["tags"] == plain.split()


def test_universal_dependencies_give_words_and_their_kinds() -> None:
    lines = ["# sent_id = 1", "1-2\tvámonos" + "\t_" * 8, "1\tvamos\tir\tVERB" + "\t_" * 6]
    found = layout({"es.conllu": ("\n".join(lines) + "\n").encode()})
    assert dict(found.items[0].values) == {"tokens": ["vamos"], "tags": ["VERB"]}


def fault(code: str, files: FilesOf, where: str, **columns: str) -> None:
    finding = one(inventory(files, Columns(**columns)).findings, code)
    assert where in finding.files[0]
    assert finding.sentence
    assert finding.advice


def edited(value: object, old: str, new: str) -> bytes:
    text = json.dumps(value)
    assert old in text
    return text.replace(old, new).encode()


CHAT = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


@pytest.mark.parametrize(
    ("code", "files", "where"),
    [
        ("TEXT_EMPTY", {"a.csv": b"text,label\nx,a\n,b\n"}, "a.csv:3"),
        ("LABEL_EMPTY", {"a.csv": b"text,label\nx,a\ny,\n"}, "a.csv:3"),
        ("HEADING_MISSING", {"a.csv": b"a long text indeed,0\nanother,1\n"}, "a.csv:1"),
        ("EXCEL", {"a.xlsx": b"PK"}, "a.xlsx"),
        ("ARCHIVE_KIND", {"a.tar.gz": b"x"}, "a.tar.gz"),
        ("PICKLE", {"a.pkl": b"x"}, "a.pkl"),
        ("TAG_WITHOUT_BEGIN", {"a.conll": b"a B-X\nb I-Y\n"}, "a.conll:2 I-Y"),
        ("COLUMNS_DIFFER", {"a.conll": b"a B-X\nb I-X\nc\n"}, "a.conll:3"),
        (
            "ANSWER_NOT_IN_TEXT",
            {"a.json": edited(SQUAD, '"answer_start": 11', '"answer_start": 10')},
            "a.json#1",
        ),
        ("QUESTION_EMPTY", {"a.json": edited(SQUAD, "What colour?", "")}, "a.json#1"),
        ("ROLE_ORDER", {"a.jsonl": edited(CHAT, '"user"', '"assistant"')}, "a.jsonl:1"),
        ("TURN_EMPTY", {"a.jsonl": edited(CHAT, '"b"', '" "')}, "a.jsonl:1"),
        ("PAIR_REPEATED", {"r.csv": RATINGS.encode() + b"0,0,3,2000\n"}, "r.csv:26"),
        ("NUMBER_UNREADABLE", {"r.csv": RATINGS.encode() + b"9,9,good,2000\n"}, "r.csv:26"),
        (
            "BOX_EMPTY",
            {"a.json": edited(COCO, "[1, 2, 3, 4]", "[1, 2, 0, 4]"), "0.png": png(1)},
            "a.json#1",
        ),
        (
            "BOX_OUTSIDE",
            {"a.json": edited(COCO, "[1, 2, 3, 4]", "[1, 2, 30, 4]"), "0.png": png(1)},
            "a.json#1",
        ),
        (
            "ANNOTATION_DANGLING",
            {"a.json": edited(COCO, '"image_id": 1', '"image_id": 7'), "0.png": png(1)},
            "a.json#1",
        ),
        ("SIZE_DIFFERS", {"a.json": json.dumps(COCO).encode(), "0.png": png(1, 9)}, "a.json 0.png"),
        ("IMAGE_MISSING", {"a.json": json.dumps(COCO).encode(), "1.png": png(1)}, "a.json 0.png"),
        (
            "CLASS_UNKNOWN",
            {"data.yaml": b"names: [x]", "0.png": png(1), "0.txt": b"4 0.5 0.5 0.1 0.1"},
            "0.txt:1",
        ),
        (
            "BOX_NOT_NORMALIZED",
            {"data.yaml": b"names: [x]", "0.png": png(1), "0.txt": b"0 5 0.5 0.1 0.1"},
            "0.txt:1",
        ),
        (
            "MASK_MISSING",
            {"images/a.png": png(1), "masks/a.png": mask(1), "images/b.png": png(2)},
            "images/b.png",
        ),
        (
            "MASK_COLORS",
            {"images/a.png": png(1), "masks/a.png": png(9)},
            "masks/a.png",
        ),
        ("ARRAY_UNREADABLE", {"x.npz": b"PK nothing"}, "x.npz"),
        (
            "SOUND_MISSING",
            {"t.csv": b"path,text\na.wav,one\nb.wav,two\n", "a.wav": wave()},
            "t.csv:3 b.wav",
        ),
        (
            "TRANSCRIPT_EMPTY",
            {"t.csv": b"path,text\na.wav,one\nb.wav,\n", "a.wav": wave(), "b.wav": wave()},
            "b.wav",
        ),
        (
            "CONFIG_MISSING",
            {
                "README.md": b"---\nconfigs:\n- data_files: gone.csv\n---\n",
                "a.csv": b"text,label\nx,a\ny,b\n",
            },
            "gone.csv",
        ),
    ],
)
def test_a_fault_is_named_with_its_place_and_a_way_out(
    code: str, files: FilesOf, where: str
) -> None:
    fault(code, files, where)


def test_a_finding_shows_twenty_places_and_counts_all() -> None:
    text = "text,label\n" + "x,a\n,b\n" * 50
    finding = one(inventory({"a.csv": text.encode()}).findings, "TEXT_EMPTY")
    assert (len(finding.files), finding.total) == (20, 50)


def test_recordings_in_class_folders_know_their_length() -> None:
    found = inventory({f"train/{c}/{n}.wav": wave(n + 1) for c in "ab" for n in range(3)})
    assert (found.kind, found.media) == ("audio-folder", "audio")
    assert [fact.seconds for fact in found.of_split("train")[:3]] == [1, 2, 3]
    assert found.facts[0].mode == "8000 Hz"


def test_a_damaged_recording_is_named() -> None:
    files = {"a/1.wav": wave()[:-9], "a/2.wav": wave(), "b/1.wav": wave(1)}
    finding = one(check_inventory(inventory(files)), "SOUND_UNREADABLE")
    assert finding.files == ("a/1.wav",)


def test_a_table_of_transcripts_gives_texts() -> None:
    files = {"t.csv": b"path,text,split\na.wav,one,train\nb.wav,two,test\n"}
    found = rows({**files, "a.wav": wave(), "b.wav": wave(1)})
    assert [(item.path, dict(item.values), item.split) for item in found] == [
        ("a.wav", {"text": "one"}, "train"),
        ("b.wav", {"text": "two"}, "test"),
    ]


def test_texts_in_class_folders_are_read_as_imdb_comes() -> None:
    files = {
        f"aclImdb/{split}/{label}/{n}_9.txt": f"{split} {label} {n}".encode()
        for split in ("train", "test")
        for label in ("pos", "neg", "unsup")
        for n in range(3)
    }
    found = layout(files)
    assert found.kind == "text-folder"
    assert {item.label for item in found.items} == {"pos", "neg"}
    assert {item.split for item in found.items} == {"train", "test"}


def test_masks_that_count_objects_are_one_class() -> None:
    files = {f"train/images/{n}.png": png(n) for n in range(30)}
    files |= {f"train/masks/{n}.png": mask(*range(n + 2)) for n in range(30)}
    found = layout(files)
    assert (found.kind, found.notes["mask"]) == ("masks", "instances")
    assert found.items[0].labels == ("object",)


def test_masks_of_classes_take_their_names_from_a_list() -> None:
    files = {"images/a.png": png(1), "masks/a.png": mask(0, 1, 2, 255)}
    found = layout({**files, "classes.txt": b"background\nroad\nsky\n"})
    assert found.notes["mask"] == "classes"
    assert found.items[0].labels == ("background", "road", "sky")


PIXELS = bytes(range(2 * 4 * 4))


@pytest.mark.parametrize(
    "files",
    [
        {
            "train-images-idx3-ubyte.gz": idx(PIXELS, 2, 4, 4),
            "train-labels-idx1-ubyte.gz": idx(b"\x00\x01", 2),
        },
        {
            "x.npz": npz(
                train_images=npy(PIXELS, (2, 4, 4)),
                train_labels=npy(struct.pack("<2q", 0, 1), (2, 1), "<i8"),
            )
        },
    ],
    ids=["idx", "npz"],
)
def test_pictures_in_arrays_are_files_of_their_own(files: FilesOf) -> None:
    data = open_data(Files(files))
    assert [(item.label, item.split) for item in data.layout.items] == [
        ("0", "train"),
        ("1", "train"),
    ]
    picture = Image.open(io.BytesIO(data.files.read(data.layout.items[1].path)))
    assert picture.tobytes() == PIXELS[16:]
    assert [(f.width, f.height, f.error) for f in inventory(files).facts] == [(4, 4, None)] * 2


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_cifar_batches_are_read_without_running_them(protocol: int) -> None:
    import numpy as np

    data = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
    files = {
        "data_batch_1": pickle.dumps({b"data": data, b"labels": [0, 1]}, protocol),
        "batches.meta": pickle.dumps({b"label_names": [b"frog", b"truck"]}, protocol),
    }
    opened = open_data(Files(files))
    assert [item.label for item in opened.layout.items] == ["frog", "truck"]
    picture = Image.open(io.BytesIO(opened.files.read(opened.layout.items[0].path)))
    assert picture.getpixel((1, 0)) == (1, (1024 + 1) % 256, (2048 + 1) % 256)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1/0",)


def test_a_pickle_that_asks_for_code_is_refused() -> None:
    finding = one(
        inventory({"data_batch_1": pickle.dumps({"data": Evil()})}).findings, "ARRAY_UNREADABLE"
    )
    assert "builtins.eval" in finding.sentence


def test_entities_of_an_xml_file_are_never_followed() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "x">]>' + VOC
    files = {"Annotations/0.xml": VOC, "Annotations/1.xml": bomb, "JPEGImages/0.png": png(1)}
    assert one(inventory(files).findings, "TABLE_UNREADABLE").files == ("Annotations/1.xml",)


def test_the_readme_names_the_files_of_each_split() -> None:
    readme = (
        "---\nconfigs:\n- config_name: zh\n  data_files:\n  - split: train\n"
        "    path: zh/a-*.csv\n"
        "- config_name: en\n  default: true\n  data_files:\n  - split: test\n"
        "    path: en/b.csv\n---\n"
    )
    table = b"text,label\nx,a\ny,b\n"
    found = layout({"README.md": readme.encode(), "zh/a-1.csv": table, "en/b.csv": table})
    assert found.notes["config"] == "en"
    assert {(item.path, item.split) for item in found.items} == {("en/b.csv", "test")}


def test_pictures_inside_a_parquet_file_are_read() -> None:
    import pyarrow as pa
    from pyarrow import parquet

    features = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}}}
    table = pa.table(
        {"image": [{"bytes": png(n), "path": f"{n}.png"} for n in range(4)], "label": [0, 1, 0, 1]}
    ).replace_schema_metadata({"huggingface": json.dumps(features)})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    found = inventory({"data/train-00000-of-00001.parquet": buffer.getvalue()})
    assert found.kind == "parquet-image"
    assert [(f.label, f.split, f.width) for f in found.facts[:2]] == [
        ("cat", "train", 8),
        ("dog", "train", 8),
    ]


def test_what_users_did_last_is_the_test() -> None:
    found = splits({"ratings.csv": RATINGS.encode()})
    assert {name: len(facts) for name, facts in found.named().items()} == {
        "train": 16,
        "validation": 4,
        "test": 4,
    }
    assert {fact.order for fact in found.test} == {1005.0}
    assert {fact.order for fact in found.validation} == {1004.0}


def test_a_history_without_headings_is_read() -> None:
    bare = rows({"ml-100k/u.data": b"1\t10\t3\t881250949\n2\t20\t4\t881250950\n"})
    colons = rows({"ml-1m/ratings.dat": b"1::10::3::881250949\n2::20::4::881250950\n"})
    inter = rows(
        {
            "x.inter": b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
            b"1\t10\t3\t881250949\n2\t20\t4\t881250950\n"
        }
    )
    values = [dict(item.values) for item in bare]
    assert values[0] == {"user": "1", "item": "10", "rating": 3.0, "timestamp": 881250949.0}
    assert [dict(i.values) for i in colons] == [dict(i.values) for i in inter] == values


def test_groups_are_never_parted() -> None:
    text = "text,label,person\n" + "".join(f"t{n},{'ab'[n % 2]},p{n // 4}\n" for n in range(80))
    found = splits({"a.csv": text.encode()}, group="person")
    trained = {fact.group for fact in found.train}
    assert found.validation
    assert trained.isdisjoint(fact.group for fact in found.validation)


def test_the_same_text_in_two_splits_is_told() -> None:
    test = "text,label\n" + "".join(f"words number {n},a\n" for n in range(10))
    files = {"train.csv": TEXTS.encode(), "test.csv": test.encode()}
    found = [f for f in check_splits(splits(files)) if f.code == "LEAKAGE"]
    assert sum(finding.total for finding in found) == 10
    assert "train.csv:2 = test.csv:2" in {place for finding in found for place in finding.files}


def test_few_texts_that_repeat_by_chance_are_a_warning() -> None:
    test = "text,label\nwords number 1,b\n" + "".join(
        f"other {n},{'ab'[n % 2]}\n" for n in range(99)
    )
    files = {"train.csv": TEXTS.encode(), "test.csv": test.encode()}
    assert "LEAKAGE_SMALL" in codes(check_splits(splits(files)), "warning")


def test_aliases_of_a_yaml_file_do_not_grow_without_end() -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
    bomb = f"a0: &a0 [x]\n{levels}\nnames: [*a11]\n".encode()
    found = layout({"data.yaml": bomb, "images/0.png": png(1), "labels/0.txt": b"0 .5 .5 .1 .1"})
    assert [item.labels for item in found.items] == [("0",)]
    readme = f"---\na0: &a0 [x]\n{levels}\nconfigs:\n- config_name: *a11\n---\n".encode()
    assert rows({"README.md": readme, "a.csv": TEXTS.encode()})


def test_a_file_of_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.contract.tables.MAX_ROWS", 10)
    finding = one(inventory({"a.csv": TEXTS.encode()}).findings, "TABLE_UNREADABLE")
    assert "more than 10 rows" in finding.sentence
