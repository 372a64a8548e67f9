"""Golden plans and sources: a change of either is seen in review.

After a change that is meant, run with the environment variable `GATEWAY_WRITE_GOLDEN=1`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from gateway.execute.prepare import prepare
from gateway.graph.resolvers import BatchField, EntityField, FieldResolver, Loader, Wanted
from gateway.plan.show import print_plan
from gateway.vary import Identity

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
        self, coordinate: str, reads: Wanted | None = None, supplies: Wanted | None = None
    ) -> None:
        self.coordinate = coordinate
        self.reads = reads
        self.supplies = supplies
        self.identity: Identity | None = None

    def project(self, wanted: Wanted) -> Loader:
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
    reads = Wanted(channelId=Wanted())
    types["Video"].fields["channel"].resolve = BatchField(
        Named("Video.channel", reads, Wanted(id=Wanted(), name=Wanted())), "Video.channel"
    )
    types["Video"].fields["related"].resolve = BatchField(Named("Video.related"), "Video.related")
    types["Video"].fields["label"].resolve = FieldResolver(
        len, "Video.label", is_async=False, takes_info=False
    )
    entity = Named(
        "Channel", Wanted(id=Wanted()), Wanted(name=Wanted(), country=Wanted(), owner=Wanted())
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
    prepared = prepare(schema, document)
    code = prepared.code({"short": True})
    text = f"{DOCUMENTS[name]}\n\n{print_plan(code.bound.plan)}\n{code.source}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GATEWAY_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_plans_are_values() -> None:
    document = parse(DOCUMENTS["abstract"])
    schema = make()
    first, second = (prepare(schema, document).plan() for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert prepare(schema, parse(DOCUMENTS["batch"])).plan() != first
