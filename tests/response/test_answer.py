"""What leaves the gateway as bytes: values that JSON does not have are errors of their field, never a 500."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.response.encoding import encode_response
from gateway.testing import GatewayClient

RESOLVERS = """
from gateway import resolver

VALUES = {
    "nan": {"a": [float("nan")]},
    "infinite": float("inf"),
    "big": 10**4301,
    "object": object(),
    "keys": {1: 2},
    "surrogate": "a\\ud800b",
}
deep = []
for _ in range(300):
    deep = [deep]
VALUES["deep"] = deep


@resolver("Query.json")
def json(parent, context, name):
    return VALUES.get(name, {"fine": [1, 2.5, None, "s", True]})


@resolver("Query.text")
def text(parent, context):
    return VALUES["surrogate"]


@resolver("Query.number")
def number(parent, context):
    return VALUES["infinite"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "s.graphql").write_text(
        "scalar JSON\nscalar Any\ntype Query { json(name: String!): JSON text: String number: Float }\n"
    )
    (tmp_path / "answer_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = ["s.graphql"]\nresolvers = "answer_resolvers"\n[logs]\naccess = "off"\n'
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("answer_resolvers", None)


@pytest.mark.parametrize("name", ["nan", "infinite", "big", "object", "keys", "deep"])
async def test_what_is_no_json_is_an_error_of_its_field(project: Path, name: str) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute(
            'query ($name: String!) { json(name: $name) fine: json(name: "-") }', {"name": name}
        )
    assert result.status == 200
    assert result.data == {"json": None, "fine": {"fine": [1, 2.5, None, "s", True]}}
    (error,) = result.errors
    assert error["message"] == "JSON cannot represent the value of field 'json'."
    assert error["path"] == ["json"]


async def test_half_a_surrogate_pair_is_replaced(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute('{ text number json(name: "surrogate") }')
    assert result.data == {"text": "a\ufffdb", "number": None, "json": "a\ufffdb"}
    assert result.errors[0]["message"] == "Float cannot represent the value of field 'number'."


def test_structs_and_dicts_are_encoded_alike() -> None:
    class Row(msgspec.Struct):
        id: int
        tags: list[str]

    data = {"rows": [Row(1, ["a"]), {"id": 2, "tags": []}]}
    assert json.loads(encode_response(data, None)) == {
        "data": {"rows": [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": []}]}
    }


SCALARS = """
from gateway import ClientError, resolver, scalar


@scalar("Money")
class Money:
    @staticmethod
    def parse_value(value):
        if value == "coded":
            raise ClientError("no such money", code="NO_MONEY")
        return {"abc": int, "list": [].pop}[value]("abc") if value == "abc" else [][0]

    @staticmethod
    def parse_literal(node, variables=None):
        if getattr(node, "value", None) == "coded":
            raise ClientError("no such money", code="NO_MONEY")
        raise RuntimeError("no literal")

    @staticmethod
    def serialize(value):
        return 1 // 0


@scalar("Plain")
class Plain:
    @staticmethod
    def parse_value(value):
        if any(digit in repr(value) for digit in "13"):
            raise ValueError("no plain")


@resolver("Query.pay")
def pay(parent, context, **arguments):
    return 5
"""

REFUSED = [
    ("query ($m: Money) { pay(m: $m) }", {"m": "abc"}, "Variable '$m' has invalid value: Expected value of type 'Money', but encountered error 'invalid literal for int() with base 10: 'abc''; found: 'abc'."),
    ("query ($l: [Money]) { pay(l: $l) }", {"l": [3]}, "Variable '$l' has invalid value at [0]: Expected value of type 'Money'; found: 3."),
    ("query ($i: In) { pay(i: $i) }", {"i": {"m": [3]}}, "Variable '$i' has invalid value at .m: Expected value of type 'Money'; found: [3]."),
    ("query ($m: Money) { pay(i: {m: $m}) }", {"m": 1}, "Variable '$m' has invalid value: Expected value of type 'Money'; found: 1."),
    ('{ pay(m: "abc") }', {}, "Expected value of type 'Money'; found: \"abc\"."),
    ("{ pay(i: {m: 3}) }", {}, "Expected value of type 'Money'; found: 3."),
    ("{ pay(p: {a: 1}) }", {}, "Expected value of type 'Plain', but encountered error 'no plain'; found: { a: 1 }."),
    ("query ($v: Int) { pay(p: [$v]) }", {"v": 3}, "Argument 'p' has invalid value: Expected value of type 'Plain', but encountered error 'no plain'; found: [$v]."),
    ("query ($m: Money = 4) { pay(m: $m) }", {}, "Expected value of type 'Money'; found: 4."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "variables", "message"), REFUSED)
async def test_what_a_scalar_refuses_is_the_clients_error(
    project: Path,
    text: str,
    variables: dict[str, object],
    message: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever exception its function raises: in the words of graphql-core, and with those of a ValueError."""
    (project / "s.graphql").write_text(
        "scalar Money scalar Plain input In { m: Money } type Query { pay(m: Money, l: [Money], i: In, p: Plain): Money }"
    )
    (project / "answer_resolvers.py").write_text(SCALARS)
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute(text, variables)
        coded = await client.execute(REFUSED[0][0], {"m": "coded"})
    (error,) = result.errors
    assert error["message"] == message
    assert error["locations"]
    assert error.get("extensions", {}).get("code") in (
        None,
        "BAD_USER_INPUT",
        "GRAPHQL_VALIDATION_FAILED",
    )
    is_fault = "but encountered error" not in message  # of the scalar: its text is for the log
    assert ("Traceback" in caplog.text) == is_fault
    assert coded.errors[0]["message"] == "no such money"


async def test_what_a_scalar_cannot_serialize_is_the_operators_error(project: Path) -> None:
    (project / "s.graphql").write_text("scalar Money scalar Plain type Query { pay: Money }")
    (project / "answer_resolvers.py").write_text(SCALARS)
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute("{ pay }")
    assert result.data == {"pay": None}
    assert result.errors[0]["message"] == "Money cannot represent the value of field 'pay'."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{ pay(m: "coded") }', "no such money"),
        ('query ($m: Money = "coded") { pay(m: $m) }', "no such money"),
        ("{ pay(d: 5) }", "DateTime cannot represent value: 5; expected 2026-01-31T12:00:00Z."),
    ],
)
async def test_a_refused_literal_is_told_with_its_place_each_time(
    project: Path, text: str, message: str
) -> None:
    (project / "s.graphql").write_text(
        "scalar Money scalar Plain scalar DateTime type Query { pay(m: Money d: DateTime): Int }"
    )
    (project / "answer_resolvers.py").write_text(SCALARS)
    async with GatewayClient(project / "gateway.toml") as client:
        found = [(await client.execute(text)).errors for _ in range(3)]
    (error,) = found[0]
    assert found == [[error]] * 3
    assert error["message"] == message
    assert error["locations"]
