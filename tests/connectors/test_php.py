"""The PHP dialect: what PHP really prints, and what hostile text cannot do."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from typing import Any

import pytest
from graphql import build_schema
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.mapping.analyse import supplied_fields
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.php import PhpDecodeError, coercer, unserialize, without_notices

PHP = shutil.which("php")


@pytest.mark.skipif(PHP is None, reason="needs php-cli")
@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("[1, 'é', 1.5, true, false, null]", [1, "é", 1.5, True, False, None]),
        ("['a' => ['b' => []]]", {"a": {"b": []}}),
        ("[1 => 'x', 2 => 'y']", {"1": "x", "2": "y"}),
        ("(object) ['a' => 1]", {"a": 1}),
        ("new class { public $a = 1; protected $b = 2; private $c = 3; }", None),
        ("[NAN, INF, -0.0, 1e300, PHP_INT_MAX]", [None, None, -0.0, 1e300, 2**63 - 1]),
        ('"quote \\" and ; and }"', 'quote " and ; and }'),
    ],
)
def test_what_php_serialises(code: str, value: Any) -> None:
    run = subprocess.run(
        [str(PHP), "-r", f"echo serialize({code});"], capture_output=True, timeout=20, check=False
    )
    if value is None:
        assert run.returncode != 0, "PHP itself refuses to serialise an anonymous class"
        return
    assert unserialize(run.stdout) == value


def test_private_members_lose_their_class() -> None:
    text = b'O:1:"A":2:{s:4:"\0A\0a";i:1;s:4:"\0*\0b";i:2;}'
    assert unserialize(text) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"i:1",
        b"i:x;",
        b's:5:"abc";',
        b's:2:"abc";',
        b's:-1:"";',
        b"a:1:{}",
        b"a:2:{i:0;i:1;}",
        b"a:9999999999:{",
        b"a:1:{a:0:{}i:1;}",
        b"a:1:{d:1.5;i:1;}",
        b"a:1:{b:1;i:1;}",
        b"i:1;i:2;",
        b"R:1;",
        b'C:1:"A":0:{}',
        b"x:1;",
        b"a:1:{i:0;" * 200,
        b"i:" + b"9" * 5000 + b";",
    ],
)
def test_hostile_text_is_refused(text: bytes) -> None:
    with pytest.raises(PhpDecodeError):
        unserialize(text)


@given(st.binary(max_size=60) | st.text('aisbdO:{};"0123', max_size=40).map(str.encode))
def test_any_text_is_a_value_or_refused(text: bytes) -> None:
    with contextlib.suppress(PhpDecodeError):
        unserialize(text)


def test_latin_1_strings() -> None:
    assert unserialize(b's:4:"caf\xe9";') == "café"


@pytest.mark.parametrize(
    ("body", "clean"),
    [
        (b"\xef\xbb\xbf[1]", b"[1]"),
        (b'<br />\n<b>Notice</b>: x in <b>a.php</b> on line 3<br />\n{"a":1}', b'{"a":1}'),
        (b"PHP Warning: a [b] in c\n[1]", b"[1]"),
        (b"plain text", b"plain text"),
        (b"<br />\n<b>Fatal error</b>: x", b"<br />\n<b>Fatal error</b>: x"),
    ],
)
def test_notices_before_json(body: bytes, clean: bytes) -> None:
    assert without_notices(body) == clean


SCHEMA = build_schema("""
scalar Date
type Query { t: T }
type T { i: Int f: Float b: Boolean d: Date map: M list: [Int] }
type M { i: Int }
""")


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"i": "42"}, {"i": 42}),
        ({"i": ""}, {"i": None}),
        ({"i": "x"}, {"i": "x"}),
        ({"i": True}, {"i": 1}),
        ({"f": "3.14"}, {"f": 3.14}),
        ({"f": "1e3"}, {"f": 1000.0}),
        ({"b": "0"}, {"b": False}),
        ({"b": "1"}, {"b": True}),
        ({"b": ""}, {"b": False}),
        ({"b": 1}, {"b": True}),
        ({"d": "0000-00-00"}, {"d": None}),
        ({"d": "0000-00-00 00:00:00"}, {"d": None}),
        ({"d": "2024-02-01"}, {"d": "2024-02-01"}),
        ({"map": []}, {"map": {}}),
        ({"map": {"i": "1"}}, {"map": {"i": 1}}),
        ({"list": {"0": "1", "2": "3"}}, {"list": [1, 3]}),
        ([], {}),
    ],
)
def test_values_by_their_graphql_type(given: Any, value: Any) -> None:
    assert SCHEMA.query_type is not None
    coerce = coercer(
        SCHEMA.query_type.fields["t"].type, supplied_fields(parse_mapping("i f b d map { i } list"))
    )
    assert coerce is not None
    assert coerce(given) == value
