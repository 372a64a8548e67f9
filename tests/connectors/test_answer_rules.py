"""`[[headers.*.response]]`: what of a backend's answer goes on, and what a rule may say."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app.config import build_config
from gateway.client.vary import VARY_NONE, Vary
from gateway.connectors.response.passed_headers import AnswerRules
from gateway.connectors.settings import HeaderSettings
from gateway.errors import ConfigError

ANSWER = [
    ("content-type", "application/json"),
    ("content-length", "2"),
    ("x-a", "1"),
    ("set-cookie", "s=1; path=/"),
    ("set-cookie", "t=2"),
    ("x-b", "2"),
    ("cache-control", "public, max-age=60"),
    ("access-control-allow-origin", "*"),
    ("etag", '"1"'),
    ("server", "backend"),
    ("connection", "close, X-Hop"),
    ("x-hop", "3"),
]


def settings(*given: dict[str, Any], **sources: list[dict[str, Any]]) -> HeaderSettings:
    tables = {name: {"response": value} for name, value in sources.items()}
    return build_config({"headers": {"all": {"response": list(given)}, "sources": tables}}).headers


def taken(
    found: HeaderSettings,
    source: str = "b",
    is_read: bool = True,
    vary: Vary | None = VARY_NONE,
) -> list[tuple[str, str]]:
    rules = AnswerRules(source, found.response_rules(source, is_read=is_read), vary)
    return [(each.name, each.value) for each in rules.apply(ANSWER)]


COOKIES = [("set-cookie", "s=1; path=/"), ("set-cookie", "t=2")]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], []),
        ([{"propagate": {"named": "X-A"}}], [("x-a", "1")]),
        ([{"propagate": {"named": "x-a", "rename": "X-C"}}], [("x-c", "1")]),
        ([{"propagate": {"named": "x-z"}}], []),
        ([{"propagate": {"named": "x-hop"}}], [("x-hop", "3")]),
        ([{"propagate": {"named": "x-z", "default": "d"}}], [("x-z", "d")]),
        ([{"propagate": {"named": "Set-Cookie"}}], COOKIES),
        ([{"propagate": {"matching": "."}}], [("x-a", "1"), ("x-b", "2"), ("cache-control", "public, max-age=60")]),
        ([{"propagate": {"matching": "^x-"}}, {"propagate": {"named": "x-a"}}], [("x-a", "1"), ("x-b", "2")]),
        ([{"propagate": {"matching": "^x-"}}, {"remove": {"named": "X-A"}}], [("x-b", "2")]),
    ],
)  # fmt: skip
def test_rules_in_order(given: list[dict[str, Any]], sent: list[tuple[str, str]]) -> None:
    assert taken(settings(*given)) == sent
    assert taken(settings(b=given)) == sent
    assert taken(settings(other=given)) == []


def test_a_sources_insert_takes_the_place_of_what_its_answers_have() -> None:
    found = settings(
        {"propagate": {"named": "x-a"}}, b=[{"insert": {"name": "X-A", "value": "mine"}}]
    )
    assert taken(found) == [("x-a", "mine")]


def test_what_is_inserted_for_all_is_no_answers() -> None:
    found = settings({"insert": {"name": "X-A", "value": "1"}}, {"insert": {"name": "x-b", "value": "2"}}, {"remove": {"named": "x-b"}})  # fmt: skip
    assert found.inserted() == {"x-a": "1"}
    assert taken(found) == []
    assert not found.propagates("b")


def test_rules_of_writes_leave_reads_alone() -> None:
    found = settings(b=[{"propagate": {"named": "set-cookie", "calls": "writes"}}])
    assert taken(found) == []
    assert taken(found, is_read=False) == COOKIES
    assert not found.propagates("b")
    assert settings(b=[{"propagate": {"named": "set-cookie"}}]).propagates("b")


def test_an_answer_without_cache_control_may_be_kept_by_nobody() -> None:
    rules = settings({"propagate": {"named": "cache-control"}}).response_rules("b", is_read=True)
    assert [each.value for each in AnswerRules("b", rules, VARY_NONE).apply([])] == ["no-store"]


@pytest.mark.parametrize("vary", [None, Vary(frozenset({"authorization"}))])
def test_what_depends_on_the_client_is_private(vary: Vary | None) -> None:
    found = settings({"propagate": {"named": "cache-control"}})
    assert taken(found) == [("cache-control", "public, max-age=60")]
    assert taken(found, vary=vary) == [("cache-control", "max-age=60, private")]


def test_control_characters_of_a_backend_do_not_begin_another_header() -> None:
    rules = settings({"propagate": {"named": "x"}}).response_rules("b", is_read=True)
    (found,) = AnswerRules("b", rules, VARY_NONE).apply([("x", "a\r\nset-cookie: b=1")])
    assert found.value == "aset-cookie: b=1"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"propagate": {"named": "content-length"}}, "content-length of an answer is the gateway's own"),
        ({"propagate": {"named": "ETag"}}, "ETag of an answer is the gateway's own"),
        ({"propagate": {"named": "Access-Control-Allow-Origin"}}, "is the gateway's own"),
        ({"propagate": {"named": "a", "rename": "connection"}}, "connection cannot be set"),
        ({"propagate": {"named": "a", "matching": "b"}}, "give one of"),
        ({"propagate": {"named": "a", "algorithm": "most_restrictive_cache_control"}}, "cache-control"),
        ({"propagate": {"named": "set-cookie", "algorithm": "last"}}, "appended"),
        ({"insert": {"name": "set-cookie", "value": "a=1"}}, "the same for everybody"),
        ({"insert": {"name": "Cache-Control", "value": "public"}}, "the same for everybody"),
        ({"propagate": {"named": "Set-Cookie", "default": "a=1"}}, "the same for everybody"),
        ({"propagate": {"named": "x", "rename": "set-cookie", "default": "a=1"}}, "the same for everybody"),
        ({"propagate": {"named": "cache-control", "default": "public"}}, "the same for everybody"),
        ({"propagate": {"named": "x", "rename": "Cache-Control", "default": ""}}, "the same for everybody"),
        ({"insert": {"name": "x", "value": "a\nb"}}, "control characters"),
        ({"insert": {"name": "x", "value": "1"}, "remove": {"named": "x"}}, "a rule is one of"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_kept_is_refused(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        settings(rule)
