"""What is admitted beside documents: variables by their shape, new documents by their rate, introspection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ClientError
from gateway.language.limits import Limits, check_values
from gateway.testing import GatewayClient


def nested(levels: int, value: Any = 1) -> Any:
    for level in range(levels):
        value = {"in": value} if level % 2 else [value]
    return value


def test_variables_nest_and_lists_grow_so_far_and_no_further() -> None:
    limits = Limits(max_variables_depth=5, max_list_length=3)
    check_values({"a": nested(5), "b": [1, 2, 3]}, limits, "variables")
    for bad in ({"a": nested(6)}, {"a": {"b": [[1, 2, 3, 4]]}}, {"a": nested(100_000)}):
        with pytest.raises(ClientError) as caught:
            check_values(bad, limits, "variables")
        assert caught.value.code == "MAX_VARIABLES_LIMIT"


def test_values_in_variables_are_counted_wherever_they_stand() -> None:
    limits = Limits(max_variables_nodes=10)
    check_values({"a": list(range(4)), "b": {str(n): n for n in range(4)}}, limits, "variables")
    for bad in (
        {str(n): n for n in range(11)},
        {"a": [[1, 2, 3], [4, 5, 6], [7, 8]]},
        {"a": {"b": {str(n): n for n in range(9)}}},
    ):
        with pytest.raises(ClientError, match=r"limits\.max_variables_nodes, 10") as caught:
            check_values(bad, limits, "variables")
        assert caught.value.code == "MAX_VARIABLES_LIMIT"


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
    async with GatewayClient(project(tmp_path, "plan_cpu_share = 0.000001")) as client:
        assert (await client.execute("{ a0: greeting }")).errors == []
        for n in range(1, 5):
            response = await client.http.post("/graphql", json={"query": f"{{ a{n}: greeting }}"})
            (error,) = response.json()["errors"]
            assert error["extensions"]["code"] == "UNCACHED_DOCUMENTS_LIMIT"
        for _ in range(5):
            assert (await client.execute("{ a0: greeting }")).errors == []


async def test_variants_of_one_document_are_charged_like_new_documents(tmp_path: Path) -> None:
    query = "query ($a: Boolean!) { greeting @include(if: $a) __typename }"
    async with GatewayClient(project(tmp_path, "plan_cpu_share = 0.000001")) as client:
        (error,) = (await client.execute(query, {"a": True})).errors
        assert error["extensions"]["code"] == "UNCACHED_DOCUMENTS_LIMIT"
    async with GatewayClient(project(tmp_path, "")) as client:
        plans = client.app.worker.serving().pipeline.plans
        sizes = []
        for a in (True, False, True):
            assert (await client.execute(query, {"a": a})).errors == []
            sizes.append(plans.size_bytes)
        assert sizes[0] < sizes[1] == sizes[2]


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
