"""An answer without a value, where one is wanted, is told: a code, the source, the status, the log, a counter."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from gateway.connectors.response.outcome import unexpected
from gateway.telemetry.records import line_of
from tests.connectors.scenario import SOURCE, Scenario, execute, use_path
from tests.support.backend import Answer

LOGIN = b'<!DOCTYPE html><html><script>\nvar x = {"a": 1}\n</script><h1>Sign in</h1>'
HTML = "text/html; charset=utf-8"
OCTETS = "application/octet-stream"
TOLD = "CONNECTOR_RESPONSE_INVALID"


def scenario(
    kind: str, selection: str, body: bytes, content_type: str, status: int = 200, **settings: Any
) -> Scenario:
    """One field of a type, from one answer."""
    fields = " { a b }" if kind.strip("[]") == "T" else ""
    return Scenario(
        SOURCE
        + f"""type Query {{ f: {kind} @connect(source: "b", http: {{ GET: "/f" }}, selection: "{selection}") }}
        type T {{ a: Int b: String }}""",
        "{ f" + fields + " }",
        lambda _: Answer(body, status, (("content-type", content_type),) if content_type else ()),
        None,
        ("GET /f",),
        tables={"sources": {"b": settings}} if settings else {},
    )


ROW, ROWS = b'{"a": 1, "b": "x"}', b' [{"a": 1, "b": "x"}] '
T, TS = {"a": 1, "b": "x"}, [{"a": 1, "b": "x"}]
CASES: list[tuple[str, Scenario, Any]] = [
    # JSON is told by its bytes, whatever it is called.
    ("an object as octets", scenario("T", "a b", ROW, OCTETS), T),
    ("a list as octets", scenario("[T]", "a b", ROWS, OCTETS), TS),
    ("a path into it", scenario("Int", "$.a", ROW, "binary/octet-stream"), 1),
    ("an object as a page", scenario("T", "a b", ROW, HTML), T),
    ("an object with a byte order mark", scenario("T", "a b", b"\xef\xbb\xbf" + ROW, HTML), T),
    ("an object as JavaScript", scenario("T", "a b", ROW, "text/javascript"), T),
    ("an object as text", scenario("T", "a b", ROW, "text/plain"), T),
    ("an object as multipart", scenario("T", "a b", ROW, "multipart/mixed; boundary=a"), T),
    # Text is text where a text is wanted.
    ("a text", scenario("String", "$", b"hello", "text/plain"), "hello"),
    ("JSON that is a text", scenario("String", "$", ROW, "text/plain"), ROW.decode()),
    ("JSON in a text", scenario("Int", "$->jsonParse.a", ROW, "text/plain"), 1),
    # What is none is told.
    ("a login page", scenario("T", "a b", LOGIN, HTML), TOLD),
    ("a login page for a text", scenario("String", "$", LOGIN, HTML), TOLD),
    ("a page without a type", scenario("T", "a b", LOGIN, ""), TOLD),
    ("a page that is called JSON", scenario("T", "a b", LOGIN, "application/json"), TOLD),
    ("half an object as octets", scenario("T", "a b", ROW[:-2], OCTETS), TOLD),
    ("two objects as octets", scenario("T", "a b", ROW + ROW, OCTETS), TOLD),
    ("a number as octets", scenario("Int", "$", b"42", OCTETS), TOLD),
    ("an image", scenario("T", "a b", b"\x89PNG\r\n\x1a\n\0\0", "image/png"), TOLD),
    ("XML", scenario("T", "a b", b"<a>1</a>", "application/xml"), TOLD),
    ("a text for an object", scenario("T", "a b", b"OK", "text/plain"), TOLD),
    ("nothing", scenario("T", "a b", b"", "application/json"), TOLD),
    ("nothing, of no type", scenario("String", "$", b"", ""), TOLD),
    ("nothing as a page", scenario("String", "$", b"", HTML), TOLD),
    # 204 says that there is nothing, and a mapping may want nothing.
    ("204", scenario("T", "a b", b"", "", 204), None),
    ("only the status is wanted", scenario("Int", "$status", b"", ""), 200),
    ("only the status of a page", scenario("Int", "$status", LOGIN, HTML), 200),
    # A status of failure comes first, as it always did.
    ("a page with 503", scenario("T", "a b", LOGIN, HTML, 503), "CONNECTOR_FETCH"),
    ("nothing with 404", scenario("T", "a b", b"", "", 404), "CONNECTOR_FETCH"),
    # The operator may want null.
    ("null for a page", scenario("T", "a b", LOGIN, HTML, non_json_answers="null"), None),
    ("null for nothing", scenario("T", "a b", b"", "", non_json_answers="null"), None),
    (
        "not for what claims to be JSON",
        scenario("T", "a b", LOGIN, "application/json", non_json_answers="null"),
        TOLD,
    ),
]  # fmt: skip


@pytest.mark.parametrize("path", ["compiled", "graphql-core"])
@pytest.mark.parametrize(("case", "value"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
async def test_it_is_a_value_or_told(
    case: Scenario, value: Any, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_path(path, monkeypatch)
    result, _ = await execute(case, tmp_path)
    if not isinstance(value, str) or not value.startswith("CONNECTOR"):
        assert result.errors == []
        assert result.data == {"f": value}
        return
    assert result.data == {"f": None}
    (error,) = result.errors
    assert error["path"] == ["f"]
    assert error["extensions"]["code"] == value
    assert error["extensions"]["source"] == "b"
    assert error["extensions"]["http"]["status"] in (200, 404, 503)
    assert "Sign" not in error["message"]


@pytest.mark.parametrize("status", [200, 500])
async def test_the_log_has_the_first_words_in_one_line(
    status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hostile = b"<h1>Sign in\r\nlevel=error \x1b[31m\x00\xe2\x80\xae</h1>" + b"x" * 5000
    with caplog.at_level(logging.WARNING):
        await execute(scenario("T", "a b", hostile, HTML, status), tmp_path)
    (record,) = [record for record in caplog.records if record.name == "gateway.errors"]
    line = record.getMessage()
    assert r"<h1>Sign in\r\nlevel=error \x1b[31m\x00\u202e</h1>" in line
    assert line.startswith(f"status {status}")
    assert {"source": "b", "path": "f"}.items() <= line_of(record).items()
    assert "\n" not in line
    assert len(line) < 600


@pytest.mark.parametrize(
    ("body", "content_type", "settings", "reason"),
    [
        (LOGIN, HTML, {}, "content_type"),
        (LOGIN, HTML, {"non_json_answers": "null"}, "content_type"),
        (b"", "", {}, "empty"),
        (b"{", "application/json", {}, "format"),
        (b"[1]", "", {"dialect": "php"}, "shape"),
        (b'{"a": 1}<br>', "", {"dialect": "php"}, "noise"),
    ],
)
async def test_it_is_counted_by_reason(
    body: bytes, content_type: str, settings: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    before = unexpected.copy()
    await execute(scenario("T", "a b", body, content_type, **settings), tmp_path)
    assert unexpected - before == {("b", "GET /f", reason): 1}


async def test_a_batch_that_gives_no_list_tells_the_status(tmp_path: Path) -> None:
    sdl = (
        SOURCE
        + """type Query { ts: [T] @connect(source: "b", http: { GET: "/ts" }, selection: "id") }
    type T @connect(source: "b", http: { GET: "/t", queryParams: "id: $batch.id" }, selection: "id n") { id: ID n: Int }"""
    )
    for body in ({"id": 1, "n": 1}, None):
        answers = {"/ts": [{"id": 1}], "/t?id=1": Answer(body)}
        result, _ = await execute(Scenario(sdl, "{ ts { n } }", answers, None, ()), tmp_path)
        assert result.data == {"ts": [{"n": None}]}
        (error,) = result.errors
        expected = {"code": TOLD, "source": "b", "http": {"status": 200}}
        assert error["extensions"] == expected
