"""Headers of weights that were made to hurt are refused with a reason, and cost nothing."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InvalidError
from app.hub.safetensors import PREFIX_BYTES, header_length, read_header, summary
from tests.factories.hub import make_commit
from tests.hub.conftest import Hub


def _file(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def _entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


GOOD = _file({"a": _entry(), "__metadata__": {"format": "pt"}}, b"1234")
BAD = [
    b"",
    b"1234",
    struct.pack("<Q", 1 << 63),
    struct.pack("<Q", 26_000_000),
    _file({}, b"x"),
    _file(b"{}", length=3),
    _file(b"[]"),
    _file(b" {}"),
    _file(b"{"),
    _file(b"\xff\xfe"),
    _file(b"[" * 100_000),
    _file(b'{"a":' * 50_000),
    _file(b'{"a": NaN}'),
    _file({"a": None}),
    _file({"a": {}}),
    _file({"a": _entry() | {"x": 1}}, b"1234"),
    _file({"a": _entry("X9")}, b"1234"),
    _file({"a": _entry(shape="1")}, b"1234"),
    _file({"a": _entry(shape=[-1])}, b"1234"),
    _file({"a": _entry(shape=[1.0])}, b"1234"),
    _file({"a": _entry(shape=[True])}, b"1234"),
    _file({"a": _entry(shape=[1 << 61])}, b"1234"),
    _file({"a": _entry(shape=[1 << 59] * 30)}, b"1234"),
    _file({"a": _entry(shape=[1] * 33)}, b"1234"),
    _file({"a": _entry(offsets=[4, 0])}, b"1234"),
    _file({"a": _entry(offsets=[0, 4, 8])}, b"1234"),
    _file({"a": _entry(offsets=[1, 5])}, b"12345"),
    _file({"a": _entry(), "b": _entry()}, b"1234"),
    _file({"a": _entry(offsets=[0, 8])}, b"12345678"),
    _file({"a": _entry(), "b": _entry(offsets=[8, 12])}, b"123456789012"),
    _file({"a": _entry()}, b"12"),
    _file(
        b'{"a":' + json.dumps(_entry()).encode() + b',"a":' + json.dumps(_entry()).encode() + b"}"
    ),
    _file({"a": _entry(), "__metadata__": {"x": 1}}, b"1234"),
    _file({"__metadata__": "x"}),
]


def _read(content: bytes) -> dict[str, Any]:
    length = header_length(content[:PREFIX_BYTES], len(content))
    header = read_header(content[PREFIX_BYTES : PREFIX_BYTES + length], len(content))
    return summary(header.tensors)


def test_a_valid_header_is_counted() -> None:
    assert _read(GOOD) == {"parameters": {"F32": 1}, "total": 1}


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_broken_header_is_refused_with_a_reason(number: int) -> None:
    with pytest.raises(InvalidError, match="not a valid safetensors file"):
        _read(BAD[number])


@settings(max_examples=300)
@given(
    st.binary(max_size=200).map(_file)
    | st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)).map(
        lambda change: GOOD[: change[0]] + bytes([change[1]]) + GOOD[change[0] + 1 :]
    )
)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        assert _read(content)["total"] >= 0
    except InvalidError:
        return


async def test_a_broken_file_makes_no_door_fail(hub: Hub) -> None:
    files = {"model.safetensors": _file({"a": _entry("X9")}, b"1234"), "x.json": b"[1]"}
    await make_commit(hub.database, hub.storage, hub.owner, hub.repository, files)
    answers = [
        await hub.get(f"/api/models/ada/net/safetensors-metadata/{path}")
        for path in ("model.safetensors", "x.json", "missing.safetensors")
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 404]
    page = await hub.get("/ada/net/blob/main/model.safetensors", Accept="text/html")
    assert page.status_code == 200
    assert "unknown number type" in page.text
    assert (await hub.get("/ada/net", Accept="text/html")).status_code == 200
