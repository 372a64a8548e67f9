"""Headers of several backends' answers as those of one, and what a resolver may set."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.response_headers import (
    MOST_BYTES,
    Algorithm,
    Passed,
    ResponseHeaders,
    last_cookies,
    merge,
    most_restrictive,
    restricted,
    within_bounds,
)


@pytest.mark.parametrize(
    ("values", "together"),
    [
        (["max-age=60"], "max-age=60"),
        (["max-age=60", "max-age=30"], "max-age=30"),
        (["public, max-age=60", "max-age=90"], "max-age=60"),
        (["public, max-age=60", "public, max-age=60"], "public, max-age=60"),
        (["public, max-age=60, s-maxage=600", "private, max-age=90"], "max-age=60, private"),
        (["max-age=60", "no-cache"], "no-cache"),
        (["max-age=60, no-cache", "max-age=5"], "max-age=5, no-cache"),
        (["max-age=60", "no-store"], "no-store"),
        (["max-age=60, must-revalidate", "max-age=60"], "max-age=60, must-revalidate"),
        (["max-age=60, stale-while-revalidate=9", "max-age=60"], "max-age=60"),
        (["MAX-AGE=60", 'max-age="20"'], "max-age=20"),
        (["max-age=soon", "max-age=9"], "max-age=soon"),
        ([f"max-age={'9' * 5000}", "max-age=9"], "max-age=9"),
        (['no-cache="set-cookie"', "max-age=1"], 'no-cache="set-cookie"'),
        (['private="x"', "private"], "private"),
        (["", "max-age=9"], "no-store"),
        (["max-age=9", "s-maxage=9"], "no-store"),
        (['max-age=1, foo="bar, no-store"'], 'max-age=1, foo="bar, no-store"'),
        (['foo="a, no-store', "max-age=1"], "no-store"),
        (['foo="a'], "no-store"),
        (['max-age=1, x="a\\"b"'], 'max-age=1, x="a\\"b"'),
    ],
)
def test_a_cache_control_allows_what_each_allows(values: list[str], together: str) -> None:
    assert most_restrictive(values) == together
    assert set(most_restrictive(values[::-1]).split(", ")) == set(together.split(", "))


def test_the_names_of_several_answers_are_one_list() -> None:
    assert most_restrictive(['private="x, y"', 'private="z"']) == 'private="x, y, z"'


def passed(name: str, *values: str, by: Algorithm) -> list[Passed]:
    return [Passed(name, value, by) for value in values]


@pytest.mark.parametrize(
    ("by", "left"),
    [("first", ["1", "2"]), ("last", ["3"]), ("append", ["1", "2", "3"])],
)
def test_answers_meet_by_their_algorithm(by: Algorithm, left: list[str]) -> None:
    assert merge([passed("x", "1", "2", by=by), [], passed("x", "3", by=by)]) == {"x": left}


def test_a_cookie_is_sent_once_as_it_was_set_last() -> None:
    cookies = ["a=1; path=/", "b=1", "a=2; Path=/", "a=3; path=/shop", "a=4; HttpOnly; path=/"]
    assert last_cookies(cookies) == ["b=1", "a=3; path=/shop", "a=4; HttpOnly; path=/"]


def test_a_resolvers_header_stands_above_those_of_backends() -> None:
    headers = ResponseHeaders()
    headers.begin_call().append(Passed("x", "of the backend", "last"))
    headers.begin_call().extend(passed("set-cookie", "a=1", by="append"))
    headers["X"] = "own"
    headers.append("Set-Cookie", "b=2")
    assert headers.lines() == [("x", "own"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert headers["x"] == ["own"]
    assert "x" in headers
    del headers["x"]
    assert "x" not in headers


def test_what_a_resolver_appends_takes_no_later_call_its_cookie() -> None:
    headers = ResponseHeaders()
    headers.begin_call().extend(passed("set-cookie", "first=1", by="append"))
    headers.append("set-cookie", "own=1")
    headers.begin_call().extend(passed("set-cookie", "later=1", "own=0", by="append"))
    assert headers["set-cookie"] == ["first=1", "later=1", "own=1"]
    headers["set-cookie"] = "only=1"
    assert headers["set-cookie"] == ["only=1"]


def test_headers_beyond_the_bound_are_left_out_whole_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = [("x-too-long", "a" * MOST_BYTES), ("set-cookie", "sid=1"), ("x-small", "1")]
    assert within_bounds(lines) == lines[1:]
    assert "x-too-long is dropped" in caplog.text
    assert within_bounds([("x-small", "a" * 1000)] * 20) == [("x-small", "a" * 1000)] * 16


def test_answers_meet_in_the_order_of_their_calls() -> None:
    headers = ResponseHeaders()
    first, second = headers.begin_call(), headers.begin_call()
    second += passed("x", "second", by="append")
    first += passed("x", "first", by="append")
    assert headers["x"] == ["first", "second"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-length", "1"),
        ("Content-Type", "text/html"),
        ("transfer-encoding", "chunked"),
        ("access-control-allow-origin", "*"),
        ("date", "now"),
        ("x y", "1"),
        ("x:", "1"),
        ("x", "a\r\nset-cookie: b=1"),
        ("x", "a\n"),
        ("x", "✓"),
    ],
)
def test_what_would_break_the_answer_cannot_be_set(name: str, value: str) -> None:
    headers = ResponseHeaders()
    with pytest.raises(ValueError, match="header"):
        headers[name] = value
    with pytest.raises(ValueError, match="header"):
        headers.append(name, value)
    assert headers.lines() == []


@pytest.mark.parametrize(
    ("lines", "of_client", "sent"),
    [
        ([("cache-control", "public, max-age=9")], False, "public, max-age=9"),
        ([("cache-control", "public, max-age=9")], True, "max-age=9, private"),
        ([("cache-control", "max-age=9"), ("set-cookie", "a=1")], False, "no-store"),
    ],
)
def test_no_cache_gives_an_answer_to_somebody_else(lines: Any, of_client: bool, sent: str) -> None:
    assert dict(restricted(lines, is_of_client=of_client))["cache-control"] == sent
