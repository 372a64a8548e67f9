"""Backends that a test plays: which answer a call gets, what is recorded, and that nothing is answered by chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.testing import (
    FakeAnswer,
    FakeSource,
    GatewayClient,
    Result,
    UnexpectedCallError,
    in_turn,
)
from tests.testing.project import write_project

USER = '{ user(id: "7") { id name } }'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_project(tmp_path)


async def answer(config: Path, query: str, answers: Any, name: str = "api") -> Result:
    async with GatewayClient(config, sources={name: answers}) as client:
        return await client.execute(query)


async def test_a_call_is_answered_and_recorded(config: Path) -> None:
    mutation = 'mutation { rename(id: "7", name: "Ada") { id name } }'
    rule = {"POST /v1/users/{id}": lambda call: {"id": call.params["id"], **call.json}}
    async with GatewayClient(config, sources={"api": rule}) as client:
        result = await client.execute(mutation)
        assert (result.data, result.errors) == ({"rename": {"id": "7", "name": "Ada"}}, [])
        (call,) = client.sources["api"].calls
        assert str(call) == "POST /v1/users/7"
        assert call.url == "http://api.internal/v1/users/7"
        assert call.json == {"name": "Ada"}
        assert call.headers["content-type"] == "application/json"
        client.sources["api"].forget()
        assert client.sources["api"].paths == []


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ({"GET /v1/users": [{"id": 1, "name": "any"}]}, "any"),
        ({"/v1/users": [{"id": 1, "name": "no method"}]}, "no method"),
        ({"GET /v1/users?page=1&name=Ada": [{"id": 1, "name": "in any order"}]}, "in any order"),
        (
            {
                "GET /v1/users": [{"id": 1, "name": "any"}],
                "GET /v1/users?name=Ada&page=1": [{"id": 1, "name": "this one"}],
            },
            "this one",
        ),
        (
            {"GET /v1/{all}": [{"id": 1, "name": "a name"}], "GET /v1/users": [{"id": 1, "name": "exact"}]},
            "exact",
        ),
        ({"GET http://api.internal/v1/users": [{"id": 1, "name": "by URL"}]}, "by URL"),
    ],
)  # fmt: skip
async def test_the_rule_that_says_most_counts(config: Path, rules: Any, name: str) -> None:
    result = await answer(config, '{ find(name: "Ada") { name } }', rules)
    assert (result.data, result.errors) == ({"find": [{"name": name}]}, [])


async def later(call: Any) -> Any:
    return {"id": 7, "name": "later"}


@pytest.mark.parametrize(
    ("given", "data", "code"),
    [
        ({"id": 7}, {"id": "7", "name": None}, None),
        (later, {"id": "7", "name": "later"}, None),
        (FakeAnswer({"id": 8}, headers={"x-a": "b"}), {"id": "8", "name": None}, None),
        (FakeAnswer(body=b'{"id": 9}', headers={"Content-Type": "application/json"}), {"id": "9", "name": None}, None),
        (FakeAnswer(status=404), None, "CONNECTOR_FETCH"),
        (FakeAnswer(body=b"<p>", headers={"content-type": "text/html"}), None, "CONNECTOR_RESPONSE_INVALID"),
        (ConnectionError("refused"), None, "HTTP_CLIENT_ERROR"),
        (TimeoutError, None, "GATEWAY_TIMEOUT"),
        (in_turn(FakeAnswer(status=503), {"id": 1}), {"id": "1", "name": None}, None),
    ],
)  # fmt: skip
async def test_what_an_answer_may_be(config: Path, given: Any, data: Any, code: str | None) -> None:
    result = await answer(config, USER, {"GET /v1/users/{id}": given})
    assert result.data == {"user": data}
    assert [error["extensions"]["code"] for error in result.errors] == ([code] if code else [])


async def test_a_retry_is_a_second_call(config: Path) -> None:
    source = FakeSource({"GET /v1/users/{id}": in_turn(FakeAnswer(status=503), {"id": 1})})
    async with GatewayClient(config, sources={"api": source}) as client:
        await client.execute(USER)
    assert source.paths == ["GET /v1/users/7", "GET /v1/users/7"]


async def test_a_call_without_an_answer_fails_the_test_and_says_which(config: Path) -> None:
    async with GatewayClient(config, sources={"api": {"GET /v1/nope": 1}}) as client:
        with pytest.raises(UnexpectedCallError) as caught:
            await client.execute(USER)
        assert str(caught.value) == (
            "the source 'api' was asked GET /v1/users/7, and answers GET /v1/nope"
        )


async def test_connectors_without_a_source_have_the_empty_name(config: Path) -> None:
    result = await answer(config, "{ other }", {"GET http://other.internal/n": {"n": 3}}, "")
    assert (result.data, result.errors) == ({"other": 3}, [])


def test_a_source_that_is_not_declared_is_refused(config: Path) -> None:
    with pytest.raises(ValueError, match="no @source is named 'ap'; declared: api"):
        GatewayClient(config, sources={"ap": {}})


@pytest.mark.parametrize("rule", ["", "GET", "GET users", "get /a", "GET /a b"])
def test_a_rule_that_is_none_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="is no rule of a fake source"):
        FakeSource({rule: 1})


def test_in_turn_needs_an_answer() -> None:
    with pytest.raises(ValueError, match="needs an answer"):
        in_turn()


@pytest.mark.parametrize(
    ("answer", "error"),
    [(lambda call: call.nope, AttributeError), (lambda _: object(), TypeError), (object(), TypeError)],
    ids=["it raises", "it gives no JSON", "no JSON"],
)  # fmt: skip
async def test_a_mistake_in_the_test_fails_the_test(
    config: Path, answer: Any, error: type[Exception]
) -> None:
    async with GatewayClient(config, sources={"api": {"GET /v1/users/{id}": answer}}) as client:
        with pytest.raises(error):
            await client.execute(USER)
