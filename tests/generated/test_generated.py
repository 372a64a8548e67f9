"""The kit of generated code: names, files in tracebacks, and texts that are compiled once."""

from __future__ import annotations

import gc
import linecache
import traceback

import pytest

from gateway.generated.functions import Generated
from gateway.generated.templates import Templates
from gateway.generated.writer import SourceWriter

FAILS = "def fail():\n    raise ValueError(reason)\n"
MAKES = "def make(value):\n    def shape():\n        return value\n    return shape\n"


def test_a_traceback_shows_the_line_as_long_as_the_text_lives() -> None:
    generated = Generated(FAILS, "test line", {"reason": "no"})
    with pytest.raises(ValueError, match="no") as raised:
        generated["fail"]()
    assert traceback.extract_tb(raised.value.__traceback__)[-1].line == "raise ValueError(reason)"
    filename = generated.filename
    assert filename == "<gateway test line>"
    del generated, raised
    gc.collect()
    assert filename not in linecache.cache


def test_living_texts_have_files_of_their_own() -> None:
    other = FAILS.replace("reason", "why")
    first, second = (Generated(text, "test twin", {}) for text in (other, FAILS))
    assert first.filename != second.filename
    del first
    gc.collect()
    assert linecache.getline(second.filename, 1) == "def fail():\n"


def test_equal_living_texts_are_compiled_once_and_share_their_file() -> None:
    first = Generated(FAILS, "test equal", {"reason": "one"})
    second = Generated(FAILS, "test equal", {"reason": "two"})
    assert first["fail"].__code__ is second["fail"].__code__
    assert first.filename == second.filename
    del first
    gc.collect()
    assert linecache.getline(second.filename, 1) == "def fail():\n"
    with pytest.raises(ValueError, match="two"):
        second["fail"]()


def test_a_name_stands_for_one_value() -> None:
    writer = SourceWriter()
    first, again, other = (writer.name("field", value) for value in (FAILS, FAILS, MAKES))
    assert first == again == "field"
    assert writer.namespace == {"field": FAILS, other: MAKES}


def test_equal_texts_are_compiled_once_and_hold_values_of_their_own() -> None:
    templates = Templates("test templates", {}, 1_000)
    first = templates.of([MAKES])[MAKES]
    second = templates.of([MAKES, FAILS.replace("fail()", "make()")])[MAKES]
    assert first is second
    one, two = first.make(1), second.make(2)
    assert one.__code__ is two.__code__
    assert (one(), two()) == (1, 2)


def test_so_many_characters_are_kept_and_their_files_go_with_the_last_user() -> None:
    templates = Templates("test bounded", {}, 3 * len(MAKES))
    texts = [MAKES.replace("shape", f"shape_{number}") for number in range(20)]
    held = templates.of(texts[:1])[texts[0]]
    for text in texts[1:]:
        templates.of([text])
    assert len(templates) == 2
    gc.collect()
    files = [name for name in linecache.cache if name.startswith("<gateway test bounded")]
    assert len(files) == 3
    assert held.make(1)() == 1
