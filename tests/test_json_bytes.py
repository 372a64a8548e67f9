"""The one reading of a backend's JSON, and writing with all digits."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.json_bytes import MAX_DEPTH, NotJSONError, read_json, read_strictly, write_json

MENDED: dict[str, tuple[bytes, Any]] = {
    "half a pair": (rb'{"a": "\ud83d", "b": 1}', {"a": "\ufffd", "b": 1}),
    "half a pair before text": (rb'["\ud83dA"]', ["\ufffdA"]),
    "half a pair before a pair": (rb'["\ud83d\ud83d\ude00"]', ["\ufffd\U0001f600"]),
    "the other half": (rb'["\ude00x"]', ["\ufffdx"]),
    "an escaped backslash is none": (rb'["\ud83d", "\\ud83d"]', ["\ufffd", "\\ud83d"]),
    "half a pair in a name": (rb'{"\ud83d": 1}', {"\ufffd": 1}),
    "bytes that are not UTF-8": (b'{"a": "x\xff", "b": "\xc3\xa9"}', {"a": "x\ufffd", "b": "\u00e9"}),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "beyond all floats": (b"[1e400, -1e400, 1e-400]", ["1e400", "-1e400", 0.0]),
    "beyond all digits": (b"[" + b"9" * 5000 + b"]", ["9" * 5000]),
}  # fmt: skip
EXACT: dict[str, tuple[bytes, Any]] = {
    "beyond 64 bits": (b"[18446744073709551617, -9223372036854775809]", [2**64 + 1, -(2**63) - 1]),
    "400 digits": (b"[" + b"7" * 400 + b"]", [int("7" * 400)]),
    "the last member counts": (b'{"a": 1, "b": 2, "a": 3}', {"a": 3, "b": 2}),
    "white space around": (b' \t\r\n{"a": 1}\n', {"a": 1}),
}
REFUSED = {
    "nothing": b"",
    "text after the value": b'{"a": 1} x',
    "NaN": b"[NaN]",
    "Infinity": b"[-Infinity]",
    "a leading zero": b"[01]",
    "many digits after a leading zero": b"[0" + b"1" * 5000 + b"]",
    "a trailing comma": b"[1,]",
    "a comment": b"[1] // one",
    "a control character": b'["a\nb"]',
    "an unknown escape": rb'["\q"]',
    "an open string": rb'["\ud83d',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
}


@pytest.mark.parametrize(
    ("body", "value"), [*MENDED.values(), *EXACT.values()], ids=[*MENDED, *EXACT]
)
def test_an_answer_is_read(body: bytes, value: Any) -> None:
    assert read_json(body) == value


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(NotJSONError):
        read_json(body)


@pytest.mark.parametrize("name", MENDED)
def test_mending_is_told_and_a_client_gets_none(name: str) -> None:
    body, _ = MENDED[name]
    told: list[None] = []
    read_json(body, lambda: told.append(None))
    assert told
    with pytest.raises(NotJSONError):
        read_strictly(body)


@pytest.mark.parametrize(("depth", "is_read"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
@pytest.mark.parametrize("inside", [b"1", b"1" * 400, rb'"\ud83d"'])
def test_depth_has_one_bound_whatever_is_inside(
    depth: int, inside: bytes, *, is_read: bool
) -> None:
    body = b"[" * depth + inside + b"]" * depth
    if is_read:
        value = read_json(body)
        for _ in range(depth):
            (value,) = value
        assert value in (1, int("1" * 400), "\ufffd")
    else:
        with pytest.raises(NotJSONError):
            read_json(body)


def test_writing_keeps_digits_and_puts_a_sign_for_half_a_character() -> None:
    value = {"n": [2**64, -(2**80)], "t": "a\ud83d", "\ude00": 1.5}
    assert write_json(value).decode() == (
        '{"n":[18446744073709551616,-1208925819614629174706176],"t":"a\ufffd","\ufffd":1.5}'
    )


def test_what_cannot_be_written_is_a_type_error() -> None:
    deep: Any = 1
    for _ in range(2000):
        deep = [deep]
    for value in (deep, {"a": object()}):
        with pytest.raises(TypeError):
            write_json(value)
