"""Deferred fragments over the demo's real backends: what is put off is still asked for in one call."""

from __future__ import annotations

import json

from demo.backends import Backends
from gateway.execute.operation import fallbacks
from gateway.testing import GatewayClient

QUERY = """{ videos(first: 12) { edges { node {
  id title ... @defer { channel { name } stats { views } }
} } } }"""


async def test_the_fragments_of_a_list_are_one_call_for_each_backend(
    client: GatewayClient, backends: Backends
) -> None:
    fallbacks.clear()
    headers = {"accept": "multipart/mixed"}
    answer = await client.http.post("/graphql", json={"query": QUERY}, headers=headers)
    texts = [part.partition("\r\n\r\n")[2] for part in answer.text.split("--graphql")]
    first, *later = [json.loads(text) for text in texts if text.strip("-\r\n")]
    nodes = [edge["node"] for edge in first["data"]["videos"]["edges"]]
    assert [set(node) for node in nodes] == [{"id", "title"}] * 12
    assert len(first["pending"]) == 12
    parts = [part["data"] for payload in later for part in payload["incremental"]]
    assert len(parts) == 12
    assert all(part["channel"]["name"] and part["stats"]["views"] >= 0 for part in parts)
    calls = {name: n for name, n in backends.stats("monolith").items() if name.startswith("GET")}
    assert sum(calls.values()) == 2, calls
    assert not fallbacks


async def test_what_defers_nothing_is_executed_as_ever(client: GatewayClient) -> None:
    """Also on graphql-core's executor, which does not take a schema with these directives."""
    names = [
        f"v{n}" for n in range(9)
    ]  # more variables that choose fields than there are plans for
    fields = " ".join(f"{name}: __typename @include(if: ${name})" for name in names)
    query = f"query ({' '.join(f'${name}: Boolean!' for name in names)}) {{ {fields} }}"
    result = await client.execute(query, dict.fromkeys(names, True))
    assert (result.status, result.errors) == (200, [])
    assert result.data == dict.fromkeys(names, "Query")
    refused = await client.execute("query A { __typename } query B { __typename }")
    assert refused.status == 400
    assert refused.errors[0]["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"
