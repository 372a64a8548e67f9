"""Golden plans and sources: a change of either is seen in review.

After a change that is meant, run with the environment variable `GATEWAY_WRITE_GOLDEN=1`.
"""

from __future__ import annotations

import ast
import builtins
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from gateway.client.vary import Vary
from gateway.codegen.exported import PART_NAMES, RUN_MEMBERS, SHAPE_NAMES
from gateway.execute.prepared import Prepared
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import Loader
from gateway.graph.resolvers import BatchField, EntityField, FieldResolver
from gateway.plan.show import print_plan
from gateway.runtime.state import Run

GOLDEN = Path(__file__).parent.parent / "golden" / "plans"

SDL = """
type Query { videos(first: Int): [Video!]! video(id: ID!): Video search(q: String!): [Hit!] viewer: User }
type Mutation { rate(id: ID!, stars: Int!): Video like(id: ID!): Int! }
interface Node { id: ID! }
union Hit = Video | Channel
type Video implements Node { id: ID! title: String! seconds: Int rating: Float state: State channelId: ID channel: Channel
  related: [Video!] label(prefix: String = "~"): String tags: [[String!]] }
type Channel implements Node { id: ID! name: String! country: String owner: User }
type User { id: ID! name: String! email: String }
enum State { DRAFT LIVE }
"""

DOCUMENTS = {
    "properties": "{ viewer { id name email } }",
    "batch": "query Batch($first: Int) { videos(first: $first) { id title channel { name } } }",
    "entity": "{ videos { channel { id name country owner { name } } } }",
    "nested": "{ video(id: 1) { related { id related { id label(prefix: \"+\") } } } }",
    "abstract": "query Search { search(q: \"x\") { __typename ... on Node { id } ... on Video { title tags state rating } ... on Channel { owner { name } } } }",
    "mutation": "mutation Both { a: rate(id: 1, stars: 5) { rating } like(id: 2) }",
    "variants": "query ($short: Boolean!) { viewer { id ...Rest @skip(if: $short) } } fragment Rest on User { name email }",
}  # fmt: skip


class Named:
    """A loader that is only planned with."""

    source: str | None = None

    def __init__(
        self, coordinate: str, reads: FieldTree | None = None, supplies: FieldTree | None = None
    ) -> None:
        self.coordinate = coordinate
        self.reads = reads
        self.supplies = supplies
        self.vary: Vary | None = None

    def project(self, wanted: FieldTree) -> Loader:
        return self

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Any
    ) -> list[Any]:
        raise NotImplementedError


async def rate(_parent: Any, _context: Any, id: str, stars: int) -> None:  # noqa: A002
    return None


def make() -> GraphQLSchema:
    schema = build_schema(SDL)
    types: Any = schema.type_map
    types["Query"].fields["videos"].resolve = BatchField(Named("Query.videos"), "Query.videos")
    types["Query"].fields["video"].resolve = BatchField(Named("Query.video"), "Query.video")
    types["Query"].fields["search"].resolve = BatchField(Named("Query.search"), "Query.search")
    reads = FieldTree(channelId=FieldTree())
    types["Video"].fields["channel"].resolve = BatchField(
        Named("Video.channel", reads, FieldTree(id=FieldTree(), name=FieldTree())), "Video.channel"
    )
    types["Video"].fields["related"].resolve = BatchField(Named("Video.related"), "Video.related")
    types["Video"].fields["label"].resolve = FieldResolver(
        len, "Video.label", is_async=False, takes_info=False
    )
    entity = Named(
        "Channel",
        FieldTree(id=FieldTree()),
        FieldTree(name=FieldTree(), country=FieldTree(), owner=FieldTree()),
    )
    for name in ("name", "country", "owner"):
        types["Channel"].fields[name].resolve = EntityField((entity,), name, f"Channel.{name}")
    for name in ("rate", "like"):
        types["Mutation"].fields[name].resolve = FieldResolver(
            rate, f"Mutation.{name}", is_async=True, takes_info=False
        )
    return schema


@pytest.mark.parametrize("name", DOCUMENTS)
def test_plan_and_source(name: str) -> None:
    schema = make()
    document = parse(DOCUMENTS[name])
    assert validate(schema, document) == []
    prepared = Prepared(schema, document)
    code = prepared.code({"short": True})
    text = f"{DOCUMENTS[name]}\n\n{print_plan(code.bound.plan)}\n{code.source}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GATEWAY_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_the_page_on_execution_shows_a_golden_plan() -> None:
    page = (GOLDEN.parents[2] / "docs" / "execution.md").read_text()
    assert (GOLDEN / "entity.txt").read_text().rstrip() in page


@pytest.mark.parametrize("name", DOCUMENTS)
def test_code_uses_only_what_is_exported(name: str) -> None:
    prepared = Prepared(make(), parse(DOCUMENTS[name]))
    code = prepared.code({"short": True})
    of_plan = code.parts[0].__globals__.keys()
    written = ast.parse(code.source)
    members = {
        node.attr
        for node in ast.walk(written)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "run"
    }
    assert members <= RUN_MEMBERS
    assert {*vars(Run), *Run.__init__.__code__.co_names} >= RUN_MEMBERS
    names = {name for part in code.parts for name in part.__code__.co_names if name in of_plan}
    shapes = [template.make.__code__ for template in code._shapes.templates.values()]
    made_for_plan = {name for name in of_plan if name.rpartition("_")[2].isdigit()}
    assert names <= {*PART_NAMES, *made_for_plan, *vars(builtins)}
    assert names_of(shapes) <= {*SHAPE_NAMES, *vars(builtins), *RUN_MEMBERS, "append", "get"}


def names_of(codes: Sequence[CodeType]) -> set[str]:
    """The names that functions take from around them, in them too."""
    found: set[str] = set()
    for code in codes:
        inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        found |= {*code.co_names, *names_of(inner)}
    return found


def test_plans_are_values() -> None:
    document = parse(DOCUMENTS["abstract"])
    schema = make()
    first, second = (Prepared(schema, document).plan() for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert Prepared(schema, parse(DOCUMENTS["batch"])).plan() != first
