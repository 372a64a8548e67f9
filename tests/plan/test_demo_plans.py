"""Golden plans of the demo's queries: every one is compiled, and a change of what it fetches is seen in review.

After a change that is meant, run with the environment variable `GATEWAY_WRITE_GOLDEN=1`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from graphql import GraphQLSchema, parse, validate

from gateway.app.build import build_graph
from gateway.app.config import load_config
from gateway.execute.prepared import Prepared
from gateway.plan.show import print_plan

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "demo"

QUERIES = {
    "front_page": "{ videos(first: 2) { edges { node { id title channel { name verified } stats { views } topic { name } } } } }",
    "video": """query Video($id: ID!, $comments: Boolean!) { video(id: $id) { title url duration createdAt topic { code }
      comments(first: 5) @include(if: $comments) { edges { node { text author { name } } } } } }""",
    "search": """{ search(query: "sea") { totalCount edges { score highlight node { __typename
      ... on Video { title channel { name } } ... on Channel { name } ... on Collection { title videos { title } } } } } }""",
    "node": "query ($id: ID!) { node(id: $id) { __typename id ... on Video { title stats { likes } } ... on Topic { name } } }",
    "channel": "{ channel(name: \"x\") { displayName owner { name } } topics { name slug } startedAt viewer { id } }",
}  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    graph = build_graph(load_config(ROOT / "gateway.toml", {}), ROOT, {})
    assert graph.errors == []
    assert graph.schema is not None
    return graph.schema


@pytest.mark.parametrize("name", QUERIES)
def test_plan(name: str, schema: GraphQLSchema) -> None:
    document = parse(QUERIES[name])
    assert validate(schema, document) == []
    prepared = Prepared(schema, document)
    assert prepared.executor == "compiled"
    text = f"{QUERIES[name]}\n\n{print_plan(prepared.plan({'comments': True}))}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GATEWAY_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
