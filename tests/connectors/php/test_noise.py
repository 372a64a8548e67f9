"""The one value in what a page printed, and pages in which there is none that is sure."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.php import noise
from gateway.connectors.php.noise import read_page

BOM = b"\xef\xbb\xbf"
HTML = b"<br />\n<b>Warning</b>:  Undefined variable $x in <b>/a.php</b> on line <b>3</b><br />\n"
TEXT = b"\nWarning: Undefined variable $x in /a.php on line 3\n"
FATAL = b"PHP Fatal error:  Uncaught Exception: x in /a.php:3\nStack trace:\n#0 {main}\n  thrown in /a.php on line 3\n"
LOGGED = b"[29-Nov-2026 10:00:00 UTC] PHP Notice:  x in /a.php on line 4\n"
XDEBUG = b"<font size='1'><table><tr><th>( ! )</span> Notice: x in C:\\a.php on line <i>3</i></th></tr></table></font>\n"
JSON = b'{"a": [1]}'
VALUE = {"a": [1]}


@pytest.mark.parametrize(
    "text",
    [
        HTML, TEXT, FATAL, LOGGED, XDEBUG, HTML + TEXT, TEXT.strip(), BOM, BOM + BOM, b"\r\n\t\0", b"/* c */", b"// c\n",
        b"<!-- 0.02 s -->", BOM + HTML + BOM, b"<b>Notice</b>: no place\n", b"Deprecated: f() in /a.php on line 3",
        b"Warning: a message\nof two lines in /a.php on line 3\n", b"Warning: bad payload {\"b\": 2} in /a.php on line 3\n",
        b"Strict Standards: x in /a.php on line 3\n", b"Parse error: syntax error, unexpected '}' in /a.php on line 3\n",
    ],
)  # fmt: skip
def test_noise_before_behind_and_around(text: bytes) -> None:
    assert read_page(text + JSON).value == VALUE
    assert read_page(JSON + text).value == VALUE
    assert read_page(text + JSON + text).value == VALUE
    assert read_page(text + b"a:1:{i:0;i:5;}" + text).value == [5]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (HTML + b"42", 42),
        (TEXT + b"true\n", True),
        (HTML + b'"x"', "x"),
        (TEXT + b"null" + TEXT, None),
        (b"42" + TEXT, 42),
        (b"i:5;" + TEXT, 5),
        (JSON + b"<!DOCTYPE html><html><p>There has been a critical error</p></html>", VALUE),
        (b'Notice: x\n{"a": "on line 3"}', {"a": "on line 3"}),
        (b'PHP Warning: a [b] in c\n["x"]', ["x"]),
        (HTML.replace(b"$x", b"$\xe9") + '{"a": "é"}'.encode(), {"a": "é"}),
        (HTML + b'{"a": "\xe9"}', {"a": "é"}),
        (HTML + b'{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        (JSON + b"\n<table class='xdebug-error'>{broken [</table>", VALUE),
    ],
)
def test_the_value(body: bytes, value: Any) -> None:
    found = read_page(body)
    assert found.value == value
    assert found.has_noise


@pytest.mark.parametrize("body", [JSON, BOM + JSON, JSON + b"\r\n", b"a:1:{i:0;i:5;}\n", b" 5"])
def test_white_space_and_a_byte_order_mark_are_no_noise(body: bytes) -> None:
    assert not read_page(body).has_noise


@pytest.mark.parametrize(
    "body",
    [
        b"", BOM, b" \n", HTML, TEXT + FATAL, b"OK", b"<html>Sign in</html>", b"<html><script>\n" + JSON + b"\n</script></html>",
        b"<html><p>Warning: maintenance</p>\n[1, 2]", b"404 <h1>Not found</h1>", b'"x"<p>', b"i:5;<p>", b"true story", JSON + JSON, JSON + b"\n" + JSON, JSON + HTML + JSON,
        HTML + JSON + HTML + JSON, JSON + b"<br>\n" + JSON, JSON + b"<p>\na:0:{}", b"hello " + JSON, b"hello\n" + JSON, JSON + b"hello",
        HTML + b"hello\nworld", b'{"a":<br /><b>Warning</b>: x in /a.php on line <b>3</b><br />1}', HTML + b'{"a": NaN}', HTML + b'{"a": 1',
        b"[NaN]", b"{'a': 1}", b"[1,]", b"Array\n(\n    [0] => 1\n)\n", b"callback(" + JSON + b")", b")]}',\n" + JSON, b"\x89PNG\r\n\x1a\n", b"Warning: " + b"[" * 5000,
        HTML + b"[" * 5000 + b"]" * 5000,
    ],
)  # fmt: skip
def test_where_nothing_is_sure_nothing_is_read(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_page(body)


@pytest.mark.parametrize(
    "body",
    [
        b"Warning: x\n" + b"[!\n" * 100_000,
        b"Warning: x\n" + b'["a", \n' * 100_000,
        b"Warning: x\n" + b'["' + b"a\\n\n" * 100_000,
        b"Warning: x\n" + b"[1,\n" * 60 + b"1," * 200_000,
        b"Warning:\n" * 100_000,
        b"<p>" + b" Warning: " * 100_000,
        b"[1]<" + b">[1,\n" * 100_000,
        b"/*" * 200_000,
        b"<br />" * 200_000 + b"x",
    ],
    ids=range(9),
)
def test_what_is_read_for_a_value_is_bounded(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    json_end = noise._Page.json_end

    def counted(page: noise._Page, at: int) -> int:
        nonlocal read
        left = page.left
        try:
            return json_end(page, at)
        finally:
            read += left - page.left

    monkeypatch.setattr(noise._Page, "json_end", counted)
    with pytest.raises(ValueError, match=r"."):
        read_page(body)
    assert read <= (noise.MAX_READINGS + 1) * len(body) + 100


def test_a_notice_for_each_row() -> None:
    rows = b"[" + b",".join([b"1"] * 3000) + b"]"
    assert len(read_page(HTML * 3000 + rows + TEXT * 3000).value) == 3000


def test_a_long_trace() -> None:
    trace = b"".join(
        b"#%d /srv/www/vendor/lib/Class.php(%d): f('...')\n" % (i, i) for i in range(90)
    )
    fatal = (
        b"PHP Fatal error:  Uncaught E: x in /a.php:3\nStack trace:\n"
        + trace
        + b"#90 {main}\n  thrown in /a.php on line 3\n"
    )
    assert read_page(JSON + fatal).value == VALUE
    assert read_page(fatal + JSON).value == VALUE


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(values, st.lists(st.sampled_from([HTML, TEXT, LOGGED, BOM, b"\n", b"/* c */", b"<!-- -->"]), max_size=3),
       st.lists(st.sampled_from([HTML, TEXT, LOGGED, b"\n", b"/* c */", b"<!-- -->"]), max_size=3))  # fmt: skip
def test_noise_changes_no_value(value: Any, before: list[bytes], behind: list[bytes]) -> None:
    body = b"".join(before) + json.dumps(value).encode() + b"".join(behind)
    assert read_page(body).value == value


@given(
    st.binary(max_size=80) | st.text('{}[]"<b>/*:Warning on line 3\n', max_size=60).map(str.encode)
)
def test_any_bytes_are_a_value_or_none(body: bytes) -> None:
    with contextlib.suppress(ValueError, RecursionError):
        read_page(body)
