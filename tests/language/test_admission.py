"""What is admitted beside documents: variables by their shape, new documents by their rate, introspection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ClientError
from gateway.language.limits import ColdDocuments, Limits, check_variables
from gateway.testing import GatewayClient


def nested(levels: int, value: Any = 1) -> Any:
    for level in range(levels):
        value = {"in": value} if level % 2 else [value]
    return value


def test_variables_nest_and_lists_grow_so_far_and_no_further() -> None:
    limits = Limits(max_variables_depth=5, max_list_length=3)
    check_variables({"a": nested(5), "b": [1, 2, 3]}, limits)
    for bad in ({"a": nested(6)}, {"a": {"b": [[1, 2, 3, 4]]}}, {"a": nested(100_000)}):
        with pytest.raises(ClientError) as caught:
            check_variables(bad, limits)
        assert caught.value.code == "MAX_VARIABLES_LIMIT"


def test_new_documents_are_admitted_by_their_rate() -> None:
    cold = ColdDocuments(10)
    for _ in range(40):
        cold.admit(100.0)
    with pytest.raises(ClientError) as caught:
        cold.admit(100.0)
    assert (caught.value.code, caught.value.http_status) == ("COLD_DOCUMENTS_LIMIT", 429)
    for n in range(10):
        cold.admit(101.0 + n / 1000)
    with pytest.raises(ClientError):
        cold.admit(101.01)
    unlimited = ColdDocuments(0)
    for _ in range(10_000):
        unlimited.admit(0.0)


def project(folder: Path, limits: str) -> Path:
    (folder / "schema.graphql").write_text(
        "type Query { greeting(kind: Kind): String }\nenum Kind { WARM COLD }\n"
    )
    (folder / "admitted_resolvers.py").write_text(
        "from gateway import resolver\n\n"
        "@resolver('Query.greeting')\ndef greeting(parent, context, *, kind=None):\n    return 'hi'\n"
    )
    graph = '[graph]\nschema = ["schema.graphql"]\nresolvers = "admitted_resolvers"\n'
    text = f'{graph}[limits]\n{limits}\n[logs]\naccess = "off"\n'
    (folder / "gateway.toml").write_text(text)
    return folder / "gateway.toml"


async def test_known_documents_go_on_while_new_ones_are_refused(tmp_path: Path) -> None:
    async with GatewayClient(project(tmp_path, "cold_documents_per_s = 1.0")) as client:
        statuses = []
        for n in range(12):
            result = await client.execute(f"{{ a{n}: greeting }}")
            statuses.append([error["extensions"]["code"] for error in result.errors])
        assert statuses[:4] == [[]] * 4
        assert statuses[8:] == [["COLD_DOCUMENTS_LIMIT"]] * 4
        for _ in range(5):
            assert (await client.execute("{ a0: greeting }")).errors == []


async def test_a_schema_that_is_nobodys_business(tmp_path: Path) -> None:
    async with GatewayClient(project(tmp_path, "introspection = false")) as client:
        for query in (
            "{ __schema { types { name } } }",
            '{ ...F } fragment F on Query { x: __type(name: "Query") { name } }',
            "{ ... on Query { ... { __schema { description } } } }",
        ):
            (error,) = (await client.execute(query)).errors
            assert error["extensions"]["code"] == "INTROSPECTION_DISABLED"
        assert (await client.execute("{ __typename }")).data == {"__typename": "Query"}
        (unknown,) = (await client.execute("{ greetin }")).errors
        assert unknown["message"] == "Cannot query field 'greetin' on type 'Query'."
        query = "query ($k: Kind) { greeting(kind: $k) }"
        (wrong,) = (await client.execute(query, {"k": "WARMM"})).errors
        assert "WARM" not in wrong["message"].replace("WARMM", "")
    async with GatewayClient(project(tmp_path, "")) as client:
        (unknown,) = (await client.execute("{ greetin }")).errors
        assert "Did you mean 'greeting'?" in unknown["message"]
