"""Cost as clients meet it: refusals, budgets of sources, what is shown on request, the log and the metrics."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.cli.app import app
from gateway.cost.tally import Tally
from gateway.errors import ConfigError
from gateway.telemetry import catalogue as names
from gateway.testing import GatewayClient
from tests.connectors.test_verbatim import GOOD, QUERIES, asking
from tests.cost.fixtures import actual

SCHEMA = """
extend schema
  @source(name: "shop", http: { baseURL: "http://shop.test" })
  @source(name: "stock", http: { baseURL: "http://stock.test" })

type Query {
  products(first: Int = 5): [Product!]!
    @listSize(slicingArguments: ["first"])
    @connect(source: "shop", http: { GET: "/products?n={$args.first}" }, selection: "id name")
  items: [Item]
  grid: [[Int!]!]!
}
type Mutation { order(id: ID!): Order }
type Subscription { ticks: Order }
type Order { id: ID, item: Item }
type Product {
  id: ID!
  name: String
  stock: Stock @connect(source: "stock", http: { GET: "/stock/{$this.id}" }, selection: "count")
  left: Int @connect(source: "stock", http: { GET: "/stock/{$this.id}" }, selection: "$.count")
}
type Stock { count: Int }
interface Item { id: ID }
type Book implements Item { id: ID, pages: [Page] @listSize(assumedSize: 4) }
type Page @cost(weight: 2) { number: Int }
type Film implements Item { id: ID, minutes: Int @cost(weight: 3) }
"""
RESOLVERS = """
from gateway import resolver, subscription

@resolver("Query.items", vary=[])
async def items(parent, context):
    return [
        {"__typename": "Book", "id": "1", "pages": [{"number": 1}, {"number": 2}, None]},
        {"__typename": "Film", "id": "2", "minutes": 90},
        None,
    ]

@resolver("Query.grid", vary=[])
def grid(parent, context):
    return [[1, 2], [3]]

@resolver("Mutation.order", vary=[])
async def order(parent, context, id):
    return {"id": id, "item": {"__typename": "Film", "id": "2", "minutes": 90}}

@subscription("Subscription.ticks", vary=[])
async def ticks(root, context):
    for number in range(3):
        yield {"id": str(number), "item": None}
"""
PRODUCTS = [{"id": str(n), "name": f"p{n}"} for n in range(3)]
SOURCES: dict[str, Any] = {
    "shop": {"GET /products?n=5": PRODUCTS, "GET /products?n=2": PRODUCTS[:2]},
    "stock": {f"GET /stock/{n}": {"count": n} for n in range(3)},
}
SHOWN = {"x-gateway-cost": "true"}


@asynccontextmanager
async def gateway(folder: Path, **tables: Any) -> AsyncIterator[GatewayClient]:
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "cost_resolvers.py").write_text(RESOLVERS)
    config = build_config(
        {
            "graph": {"schema": ["schema.graphql"], "resolvers": "cost_resolvers"},
            "explain": {"cost_header": True},
            "incremental": {"enabled": True},
            "logs": {"access": "off"},
            **tables,
        }
    )
    async with GatewayClient(config, base=folder, sources=SOURCES) as client:
        yield client


async def shown(client: GatewayClient, query: str, **more: Any) -> dict[str, Any]:
    result = await client.execute(query, headers=SHOWN, **more)
    assert not result.errors, result.errors
    cost: dict[str, Any] = result.extensions["cost"]
    return cost


async def test_what_is_over_the_limit_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    async with gateway(tmp_path, cost={"mode": "enforce", "max": 9}) as client:
        refused = await client.execute("{ products { name stock { count } } }")
        allowed = await client.execute("{ products(first: 2) { name stock { count } } }")
    assert refused.status == 400
    assert refused.errors[0]["extensions"] == {
        "code": "COST_ESTIMATED_TOO_EXPENSIVE",
        "cost": {"estimated": 10, "max": 9},
    }
    assert allowed.errors == []
    assert [call.path for call in client.sources["shop"].calls] == ["/products?n=2"]


async def test_an_operation_of_endless_cost_is_refused_as_any_other(tmp_path: Path) -> None:
    query = "{ products(first: 2147483647) { name }" + "".join(
        f" p{n}: products(first: 2147483647) {{ name }}" for n in range(3)
    )
    heavy = SCHEMA.replace("type Product {", 'type Product @cost(weight: "1e15") {')
    (tmp_path / "heavy.graphql").write_text(heavy)
    tables = {"graph": {"schema": ["heavy.graphql"], "resolvers": "cost_resolvers"}}
    async with gateway(tmp_path, cost={"mode": "enforce", "max": 9}, **tables) as client:
        result = await client.execute(query + "}", headers=SHOWN)
    assert result.status == 400
    assert result.errors[0]["extensions"]["cost"] == {"estimated": 2**53, "max": 9}


async def test_measuring_refuses_nothing_and_counts_what_it_would(tmp_path: Path) -> None:
    query = "query Q { products { name } }"
    async with gateway(tmp_path, cost={"mode": "measure", "max": 1}) as client:
        assert (await client.execute(query)).errors == []
        measures = client.app.worker.measures
        assert measures is not None
        found: dict[Any, Any] = {
            (m.name, labels): value for m, labels, value in measures.operations.samples()
        }
    assert found[names.OPERATION_COST_EXCEEDED.name, ("operation",)] == 1
    assert found[names.OPERATION_COST_ESTIMATED.name, ("Q",)][-1] == 5
    assert found[names.OPERATION_COST_ACTUAL.name, ("Q",)][-1] == 3


@pytest.mark.parametrize(
    ("query", "estimated", "actual"),
    [
        ("{ products { name } }", 5, 3),
        ("{ products(first: 2) { name } }", 2, 2),
        ("{ products { name stock { count } } }", 10, 6),
        ("{ a: products(first: 2) { id } b: products(first: 2) { id } }", 4, 4),
        ("{ items { id } }", 10, 2),
        ("{ items { ... on Book { pages { number } } ... on Film { minutes } } }", 90, 9),
        ("{ items { __typename id ... on Film { minutes } } }", 40, 5),
        ("{ grid __typename __schema { types { name } } }", 0, 0),
        ("mutation { order(id: 1) { id item { id } } }", 12, 12),
    ],
)
async def test_estimates_and_what_came(
    tmp_path: Path, query: str, estimated: int, actual: int
) -> None:
    async with gateway(tmp_path, cost={"mode": "measure"}) as client:
        found = await shown(client, query)
    assert (found["estimated"], found["actual"]) == (estimated, actual)
    assert found["delta"] == actual - estimated


async def test_rows_that_are_sent_as_they_came_are_counted(tmp_path: Path) -> None:
    """A list of rows without anything to complete is text in the result; a plan learns that with its first rows."""
    async with gateway(tmp_path, cost={"mode": "measure"}) as client:
        found = [await shown(client, "{ products { name } }") for _ in range(4)]
        mixed = [await shown(client, "{ products { name s: stock { count } } }") for _ in range(4)]
    assert [one["actual"] for one in found] == [3] * 4
    assert [one["actual"] for one in mixed] == [6] * 4


async def test_what_each_source_may_cost_is_shown(tmp_path: Path) -> None:
    query = "query($n: Int) { products(first: $n) { name stock { count } } items { id } }"
    async with gateway(tmp_path, cost={"mode": "measure"}) as client:
        found = await shown(client, query, variables={"n": 2})
    assert found["by_source"] == {"shop": 2, "stock": 2}
    assert found["formula"] == "10 + $n × 2"


async def test_a_source_that_it_costs_too_much_is_not_asked(tmp_path: Path) -> None:
    cost = {"mode": "enforce", "sources": {"stock": {"max": 4}}}
    async with gateway(tmp_path, cost=cost) as client:
        result = await client.execute("{ products { name stock { count } } }")
        within = await client.execute("{ products(first: 2) { name stock { count } } }")
        calls = [call.path for call in client.sources["stock"].calls]
    assert result.data == {"products": [{"name": f"p{n}", "stock": None} for n in range(3)]}
    assert {error["extensions"]["code"] for error in result.errors} == {
        "SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE"
    }
    assert result.errors[0]["extensions"]["source"] == "stock"
    assert within.errors == []
    assert sorted(calls) == ["/stock/0", "/stock/1"]


@pytest.mark.parametrize(
    "query",
    [
        "{ products { name ... @defer { stock { count } } } }",
        "{ products { name ... @defer(if: false) { stock { count } } } }",
        "{ products { name stock { count } } ... @defer { items { id } } }",
        "{ products @stream(initialCount: 1) { name stock { count } } }",
    ],
)
async def test_a_source_that_it_costs_too_much_is_not_asked_for_parts_either(
    tmp_path: Path, query: str
) -> None:
    cost = {"mode": "enforce", "sources": {"stock": {"max": 4}}}
    async with gateway(tmp_path, cost=cost) as client:
        asked = {"accept": "multipart/mixed"}
        answer = await client.http.post("/graphql", json={"query": query}, headers=asked)
        assert client.sources["stock"].calls == []
    assert "SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE" in answer.text
    assert '"hasNext":false' in answer.text


async def test_a_condition_that_is_null_is_no_matter_of_cost(tmp_path: Path) -> None:
    query = "query($a: Boolean = true) { products { id } grid @include(if: $a) }"
    found = []
    for cost in ({"mode": "off"}, {"mode": "enforce", "max": 100}, {"mode": "enforce", "max": 1}):
        async with gateway(tmp_path, cost=cost) as client:
            result = await client.execute(query, variables={"a": None})
        found.append([error["message"] for error in result.errors])
    assert found[0] == found[1]
    assert found[2] == ["The operation costs up to 5; cost.max is 1."]


async def test_a_leaf_that_a_source_is_asked_for_costs_it_a_call(tmp_path: Path) -> None:
    cost = {"mode": "enforce", "sources": {"stock": {"max": 4}}}
    async with gateway(tmp_path, cost=cost) as client:
        found = await client.execute("{ products { left } }", headers=SHOWN)
        assert client.sources["stock"].calls == []
        within = await shown(client, "{ products(first: 2) { left } }")
    assert {one["extensions"]["code"] for one in found.errors} == {
        "SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE"
    }
    assert within["by_source"] == {"shop": 2, "stock": 2}
    assert within["estimated"] == 2


async def test_literals_that_share_a_plan_have_their_own_cost(tmp_path: Path) -> None:
    async with gateway(tmp_path, cost={"mode": "enforce", "max": 4}) as client:
        assert (await client.execute("{ products(first: 2) { id } }")).errors == []
        refused = await client.execute("{ products(first: 5) { id } }")
    assert refused.errors[0]["extensions"]["cost"]["estimated"] == 5


async def test_slicing_arguments_are_asked_for_where_limits_are_enforced(tmp_path: Path) -> None:
    query = "query($n: Int) { products(first: $n) { id } }"
    async with gateway(tmp_path, cost={"mode": "enforce", "max": 100}) as client:
        result = await client.execute(query, variables={"n": None})
    assert result.errors[0]["extensions"]["code"] == "COST_INVALID_SLICING_ARGUMENTS"


async def test_nothing_is_shown_where_it_is_not_allowed(tmp_path: Path) -> None:
    async with gateway(tmp_path, cost={"mode": "measure"}, explain={}) as client:
        result = await client.execute("{ grid }", headers=SHOWN)
    assert result.extensions == {}


async def test_the_access_log_has_what_it_costs(tmp_path: Path, capsys: Any) -> None:
    async with gateway(tmp_path, cost={"mode": "measure"}, logs={"access": "stdout"}) as client:
        await client.execute("{ products { name } }")
        await client.execute("{ nothing }")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (lines[0]["cost_estimated"], lines[0]["cost_actual"]) == (5, 3)
    assert "cost_estimated" not in lines[1]


async def test_deferred_fragments_are_in_the_estimate(tmp_path: Path) -> None:
    query = "{ products { id ... @defer { stock { count } } } }"
    async with gateway(tmp_path, cost={"mode": "enforce", "max": 9}) as client:
        asked = {"accept": "multipart/mixed"}
        answer = await client.http.post("/graphql", json={"query": query}, headers=asked)
    assert "The operation costs up to 10; cost.max is 9." in answer.text
    assert 'hasNext":false' in answer.text


async def test_denied_fields_cost_nothing(tmp_path: Path) -> None:
    schema = SCHEMA.replace("stock: Stock @connect", "stock: Stock @authenticated @connect")
    (tmp_path / "denied.graphql").write_text(schema)
    tables = {"graph": {"schema": ["denied.graphql"], "resolvers": "cost_resolvers"}}
    async with gateway(tmp_path, cost={"mode": "enforce", "max": 9}, **tables) as client:
        result = await client.execute("{ products { name stock { count } } }")
    assert result.data is not None
    assert result.errors[0]["extensions"]["code"] == "UNAUTHORIZED_FIELD_OR_TYPE"


async def test_a_budget_of_a_source_that_is_not_declared_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cost\.sources\.none: no @source has this name"):
        async with gateway(tmp_path, cost={"sources": {"none": {"max": 1}}}):
            pass


def findings(folder: Path, sdl: str) -> list[str]:
    (folder / "schema.graphql").write_text(sdl)
    config = build_config({"graph": {"schema": ["schema.graphql"]}})
    return [item.render() for item in build_graph(config, folder, {}).findings]


def test_what_directives_cannot_mean_is_told(tmp_path: Path) -> None:
    found = findings(
        tmp_path,
        """type Query {
  a(first: Int, text: String, input: In): [Int] @cost(weight: "much")
  b(first: Int): [Int] @listSize(slicingArguments: ["last"])
  c(text: String): [Int] @listSize(slicingArguments: ["text"])
  d(input: In): [Int] @listSize(slicingArguments: ["input.size"])
  e: Page @listSize(assumedSize: 2, sizedFields: ["rows", "none", "total"])
  f: [Int] @listSize(assumedSize: -1)
  g: Int @listSize(assumedSize: 1)
  h: [Int] @listSize(assumedSize: 1) @cost(weight: "-1.5")
  i(inputs: [In!]!): [Int] @listSize(slicingArguments: ["inputs.count"])
  j: Int @cost(weight: "1e400")
  k: [Int] @listSize(slicingArguments: [])
}
type Page { rows: [Int], total: Int }
input In { count: Int }
interface Named { name: String @cost(weight: 1) }
type Thing implements Named { name: String @cost(weight: 1) }
""",
    )
    told = [line.partition(": ")[2] for line in found if "Cost]" in line or "ListSize]" in line]
    assert [line.partition(" (")[0] for line in told] == [
        "error: the weight of Query.a is no number of at most 9007199254740992 [InvalidCost]",
        'error: Query.b: "last" is no argument of the field; it has first [InvalidListSize]',
        'error: Query.c: "text" is no size: its type is String [InvalidListSize]',
        'error: Query.d: "input.size" names no input field: there is no size [InvalidListSize]',
        'error: Query.e: "none" is no field: Page has no none [InvalidListSize]',
        'error: Query.e: "total" is no list: its type is Int [InvalidListSize]',
        "error: Query.f: assumedSize is below 0 [InvalidListSize]",
        "warning: @listSize on Query.g has no effect: the field gives no list [UnusedListSize]",
        'error: Query.i: "inputs.count" leads through a list: [In!]! [InvalidListSize]',
        "error: the weight of Query.j is no number of at most 9007199254740992 [InvalidCost]",
        "warning: @listSize on Query.k has no effect: it says no size [UnusedListSize]",
        "warning: @cost on Named.name has no effect: it is a field of an interface [UnusedCost]",
    ]


def test_another_directive_of_that_name_means_what_its_author_says(tmp_path: Path) -> None:
    sdl = "directive @cost(complexity: Int) on FIELD_DEFINITION\ntype Query { a: Int @cost(complexity: 3) }"
    assert not [line for line in findings(tmp_path, sdl) if "Cost" in line]


def test_directives_that_federation_imports_have_the_names_that_it_gives(tmp_path: Path) -> None:
    sdl = """extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [{name: "@cost", as: "@price"}])
type Query { a: [Int] @price(weight: 3) @federation__listSize(slicingArguments: ["none"]) }"""
    found = findings(tmp_path, sdl)
    assert any("is no argument of the field; it has none [InvalidListSize]" in one for one in found)
    assert not any("Unknown directive" in one for one in found)


async def test_what_is_text_in_a_result_costs_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are sent as they came are counted before they are text: as the parsed answer says."""
    counted = []
    encoded = Tally.encoded

    def note(tally: Tally, field: Any, value: Any) -> None:
        counted.append(field.coordinate)
        encoded(tally, field, value)

    monkeypatch.setattr(Tally, "encoded", note)
    tables = {"cost": {"mode": "measure"}, "explain": {"cost_header": True}}
    async with asking(tmp_path, tables) as (world, client):
        graph = client.app.graph.schema
        assert graph is not None
        whole = [{**post, "userId": 0} for post in GOOD["posts"]]
        for query, posts in product(QUERIES.values(), (GOOD["posts"], whole)):
            world.posts = posts
            for _ in range(3):
                result = await client.execute(query, headers=SHOWN)
                expected = actual(graph, query, result.data) if result.data else 0
                assert result.extensions["cost"]["actual"] == expected, query
    assert {"Query.posts", "Query.joined", "Query.post"} <= set(counted)


def test_gateway_plan_prints_what_an_operation_may_cost(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text(
        'type Query { rows(first: Int): [Row] @listSize(slicingArguments: ["first"]) } type Row { id: ID }'
    )
    query = "query($n: Int) { rows(first: $n) { id } }"
    options = ["--schema", str(tmp_path / "schema.graphql"), "--variables", '{"n": 7}']
    result = CliRunner().invoke(app, ["plan", query, *options])
    assert "cost: up to 7 = $n\n" in result.output
