"""What leaves the gateway as bytes: values that JSON does not have are errors of their field, never a 500."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.answer import encode_response
from gateway.testing import GatewayClient

RESOLVERS = """
from gateway import resolver

VALUES = {
    "nan": {"a": [float("nan")]},
    "infinite": float("inf"),
    "big": 2**70,
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
    assert error["message"].startswith("JSON cannot represent value: ")
    assert error["path"] == ["json"]


async def test_half_a_surrogate_pair_is_replaced(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute('{ text number json(name: "surrogate") }')
    assert result.data == {"text": "a\ufffdb", "number": None, "json": "a\ufffdb"}
    assert result.errors[0]["message"] == "Float cannot represent non numeric value: inf"


def test_structs_and_dicts_are_encoded_alike() -> None:
    class Row(msgspec.Struct):
        id: int
        tags: list[str]

    data = {"rows": [Row(1, ["a"]), {"id": 2, "tags": []}]}
    assert json.loads(encode_response(data, None)) == {
        "data": {"rows": [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": []}]}
    }
