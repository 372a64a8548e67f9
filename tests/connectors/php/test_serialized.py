"""serialize() read: what PHP 8 really writes, and what hostile text cannot do."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.connectors.php import serialized
from gateway.connectors.php.serialized import PhpDecodeError, unserialize

PHP = shutil.which("php")
needs_php = pytest.mark.skipif(PHP is None, reason="needs php-cli")
CLASSES = r"""
error_reporting(0);
enum Suit: string { case Hearts = 'H'; case Spades = 'S'; }
enum Level { case High; }
class Author { public $name = 'Ann'; public $posts = []; }
class Base { private $id = 1; private $own = 'base'; protected $kind = 'k'; }
class Post extends Base { private $id = 2; public $title = 't'; }
class Custom implements Serializable { public $d;
  function serialize() { return serialize($this->d); } function unserialize($d) { } }
class Magic { public $kept = 1; public $left = 2; function __sleep() { return ['kept']; } }
class Newer { public $a = 1; function __serialize(): array { return ['b' => [1, 2]]; } }
$ann = new Author; $one = 'x'; $map = ['k' => 1];
"""
ANN = {"name": "Ann", "posts": []}


def php(code: str) -> bytes:
    """What PHP prints."""
    run = subprocess.run([str(PHP), "-r", code], capture_output=True, timeout=20, check=True)
    return run.stdout


@needs_php
@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("[1, 'é', 1.5, true, false, null]", [1, "é", 1.5, True, False, None]),
        ("['a' => ['b' => []]]", {"a": {"b": []}}),
        ("[1 => 'x', 2 => 'y']", {"1": "x", "2": "y"}),
        ("array_filter([3, 0, 4])", {"0": 3, "2": 4}),
        ("(object) ['a' => 1]", {"a": 1}),
        ("[INF, -INF, -0.0, 1e300]", [math.inf, -math.inf, -0.0, 1e300]),
        ("[PHP_INT_MAX, PHP_INT_MIN]", [2**63 - 1, -(2**63)]),
        ('"quote \\" and ; and }"', 'quote " and ; and }'),
        ("Suit::Hearts", "Hearts"),
        ("[Suit::Hearts, Level::High, Suit::Hearts]", ["Hearts", "High", "Hearts"]),
        ("[$ann, $ann, 'z', $ann]", [ANN, ANN, "z", ANN]),
        ("[&$one, &$one, $one]", ["x", "x", "x"]),
        ("[&$map, 5, &$map]", [{"k": 1}, 5, {"k": 1}]),
        ("new Post", {"id": 2, "own": "base", "kind": "k", "title": "t"}),
        ("(array) new Base", {"id": 1, "own": "base", "kind": "k"}),
        ("[new Custom]", [None]),
        (
            "(function () use ($ann) { $c = new Custom; $c->d = [$ann, $ann]; return [$ann, $c, $ann]; })()",
            [ANN, [ANN, ANN], ANN],
        ),
        ("new Magic", {"kept": 1}),
        ("new Newer", {"b": [1, 2]}),
        ("new ArrayObject(['a', 'b'])", ["a", "b"]),
        ("new ArrayIterator([])", []),
        (
            "new DateTime('2026-11-29 10:00 Europe/Berlin')",
            {
                "date": "2026-11-29 10:00:00.000000",
                "timezone_type": 3,
                "timezone": "Europe/Berlin",
            },
        ),
    ],
)
def test_what_php_serializes(code: str, value: Any) -> None:
    assert unserialize(php(f"{CLASSES} echo serialize({code});")) == value


@needs_php
def test_an_object_that_leads_back_to_itself_is_cyclic_here_too() -> None:
    code = (
        "$p = new Author; $p->posts = [$ann]; $ann->posts = [$p, $p]; echo serialize([$ann, $p]);"
    )
    ann, post = unserialize(php(CLASSES + code))
    assert ann["posts"][0] is post
    assert ann["posts"][1] is post
    assert post["posts"][0] is ann


@needs_php
def test_references_are_numbered_as_php_numbers_them() -> None:
    """Values of many kinds before, between and inside; each object is told by its number."""
    code = """
    $all = []; mt_srand(7);
    for ($i = 0; $i < 200; $i++) {
      $o = new stdClass; $o->n = $i; $o->f = [1.5, null, true, "s$i", Suit::Spades];
      if ($i > 2) { $o->r = $all[mt_rand(0, $i - 1)]; $o->e = Suit::Spades; $o->m = &$all[mt_rand(0, $i - 1)]; }
      $all[] = $o;
    }
    echo serialize($all), "\\n", json_encode(array_map(fn ($o) => [$o->n, $o->r->n ?? -1, $o->m->n ?? -1], $all));
    """
    text, _, expected = php(CLASSES + code).rpartition(b"\n")
    nobody = {"n": -1}
    got = [
        [row["n"], row.get("r", nobody)["n"], row.get("m", nobody)["n"]]
        for row in unserialize(text)
    ]
    assert got == json.loads(expected)


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(unserialize(b"d:NAN;"))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"i:1", b"i:x;", b"i: 1;", b"i:1_0;", b"b:2;", b"b:true;", b"d:;", b"d:1e;", b"d:nan;", b"d:Infinity;",
        b"N", b'E:4:"Suit";', b's:5:"abc";', b's:2:"abc";', b's:-1:"";', b"a:1:{}", b"a:2:{i:0;i:1;}",
        b"a:9999999999:{", b"a:1:{a:0:{}i:1;}", b"a:1:{d:1.5;i:1;}", b"a:1:{b:1;i:1;}", b"a:1:{N;i:1;}",
        b"i:1;i:2;", b"x:1;", b'S:1:"a";', b"i:" + b"9" * 5000 + b";", b"a:1:{i:0;" * 200,
        b"R:1;", b"r:1;", b"R:0;", b"a:1:{i:0;R:2;}", b"a:1:{i:0;R:-1;}", b"a:1:{i:0;r:9;}", b"a:1:{i:0;r:2;}",
        b'C:1:"A":0:{}', b'C:1:"A":4:{i:1;x}', b'C:1:"A":9:{i:1;}', b'C:1:"A":7:{x:i:0;}', b'O:1:"A":1:{i:0;}',
        b'O:1:"A":x:{}',
    ],
)  # fmt: skip
def test_what_is_not_serialized_is_refused(text: bytes) -> None:
    with pytest.raises(PhpDecodeError):
        unserialize(text)


def test_nesting_is_bounded() -> None:
    def nested(levels: int) -> bytes:
        return b"a:1:{i:0;" * levels + b"i:1;" + b"}" * levels

    value = unserialize(nested(serialized.MAX_DEPTH))
    for _ in range(serialized.MAX_DEPTH):
        (value,) = value
    assert value == 1
    with pytest.raises(PhpDecodeError, match="nested deeper than 100"):
        unserialize(nested(serialized.MAX_DEPTH + 1))


def test_values_behind_references_count_each_time() -> None:
    """Each list refers ten times to the one before: some hundred bytes that stand for 10^8 values."""
    lists, number = [], 2
    for level in range(8):
        if level == 0:
            lists.append(b"i:0;a:1:{i:0;i:7;}")
            before, number = number, number + 2
        else:
            items = b"".join(b"i:%d;R:%d;" % (i, before) for i in range(10))
            lists.append(b"i:%d;a:10:{%s}" % (level, items))
            before, number = number, number + 1
    assert len(unserialize(b"a:5:{" + b"".join(lists[:5]) + b"}")[4]) == 10
    with pytest.raises(PhpDecodeError, match="those behind references included"):
        unserialize(b"a:8:{" + b"".join(lists) + b"}")


def test_references_to_what_is_around_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialized, "MAX_CYCLES", 3)
    members = b"".join(b"i:%d;r:1;" % i for i in range(4))
    with pytest.raises(PhpDecodeError, match="cyclic"):
        unserialize(b'O:1:"A":1:{s:1:"l";a:4:{' + members + b"}}")


def test_long_texts_behind_references_count_by_their_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serialized, "MAX_ITEMS", 100)
    long = b's:6400:"' + b"x" * 6400 + b'";'
    unserialize(b"a:1:{i:0;" + long + b"}")
    with pytest.raises(PhpDecodeError, match="more than 100 values"):
        unserialize(b"a:2:{i:0;" + long + b"i:1;R:2;}")


@given(st.binary(max_size=60) | st.text('aisbdORrNEC:{};"0123', max_size=40).map(str.encode))
def test_any_text_is_a_value_or_refused(text: bytes) -> None:
    with contextlib.suppress(PhpDecodeError):
        unserialize(text)


def test_latin_1_strings() -> None:
    assert unserialize(b's:4:"caf\xe9";') == "café"
    assert unserialize(b's:4:"caf\xe9";', "windows-1252") == "café"
    assert unserialize(b's:1:"\x80";', "windows-1252") == "€"


@pytest.mark.parametrize("around", [b"\n", b"\r\n", b" \n\t"])
def test_white_space_around(around: bytes) -> None:
    assert unserialize(around + b"a:1:{i:0;i:5;}" + around) == [5]


ROUND = r"""
foreach (json_decode(stream_get_contents(STDIN), true) as $value) {
  echo bin2hex(serialize($value)), "\n", bin2hex(serialize(json_decode(json_encode($value)))), "\n", json_encode($value), "\n";
}
"""
tree = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab1é", min_size=1, max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@needs_php
def test_it_is_what_json_encode_gives_for_the_same_value() -> None:
    """As arrays, and as objects of stdClass; what PHP does not tell apart ({} and []) is one."""
    values: list[Any] = []

    @settings(
        max_examples=400, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(tree)
    def draw(value: Any) -> None:
        values.append(value)

    draw()
    run = subprocess.run(
        [str(PHP), "-r", ROUND],
        input=json.dumps(values).encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    lines = run.stdout.split(b"\n")
    assert len(lines) == 3 * len(values) + 1
    for at in range(len(values)):
        array, thing, encoded = lines[3 * at : 3 * at + 3]
        expected = one_empty(json.loads(encoded))
        assert one_empty(unserialize(bytes.fromhex(array.decode()))) == expected
        assert one_empty(unserialize(bytes.fromhex(thing.decode()))) == expected


def one_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: one_empty(item) for name, item in value.items()} or []
    return [one_empty(item) for item in value] if isinstance(value, list) else value
