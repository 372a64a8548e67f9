"""Loaders in a plan: one call a level, what they are told to hold, what they lack, and who comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse

from gateway.client.vary import Vary
from gateway.concurrency.awaitable import value_of
from gateway.execute.operation import coerce_variables, execute_operation
from gateway.execute.prepared import Prepared
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import DecodedRow, Loader
from gateway.graph.resolvers import BatchField, EntityField, FieldResolver
from gateway.plan.show import print_plan

SDL = """
type Query { videos(first: Int = 2): [Video!]! video(id: ID!): Video }
type Video { id: ID! title: String channelId: ID channel: Channel related(n: Int): [Video!] label: String }
type Channel { id: ID! name: String! country: String owner: User }
type User { id: ID! name: String }
"""


def wanted(*names: str, **nested: FieldTree) -> FieldTree:
    return FieldTree({**{name: FieldTree() for name in names}, **nested})


class Table:
    """A loader over a function of one parent, which notes its calls.

    Args:
        coordinate: What it is on.
        give: The value for a parent.
        reads: As `Loader.reads`.
        supplies: As `Loader.supplies`.
    """

    source: str | None = None

    def __init__(
        self,
        coordinate: str,
        give: Any,
        reads: FieldTree | None = None,
        supplies: FieldTree | None = None,
    ) -> None:
        self.coordinate = coordinate
        self.give = give
        self.reads = reads
        self.supplies = supplies
        self.vary: Vary | None = None
        self.calls: list[tuple[list[Any], dict[str, Any]]] = []
        self.projected: list[FieldTree] = []

    def project(self, wanted: FieldTree) -> Loader:
        self.projected.append(wanted)
        return self

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Any
    ) -> list[Any]:
        self.calls.append((list(parents), dict(arguments)))
        if isinstance(self.give, Exception):
            raise self.give
        return [self.give(parent, **arguments) for parent in parents]


def bind(**resolvers: Any) -> GraphQLSchema:
    schema = build_schema(SDL)
    for name, resolve in resolvers.items():
        type_name, field = name.split("__")
        named: Any = schema.type_map[type_name]
        named.fields[field].resolve = resolve
    return schema


def on_type(schema: GraphQLSchema, loader: Table, *names: str) -> None:
    named: Any = schema.type_map[loader.coordinate]
    for name in names:
        named.fields[name].resolve = EntityField((loader,), name, f"{loader.coordinate}.{name}")


async def answer(
    schema: GraphQLSchema, text: str, **variables: Any
) -> tuple[Any, list[Any], Prepared]:
    prepared = Prepared(schema, parse(text))
    assert prepared.executor == "compiled"
    context: Any = object()
    result = await value_of(
        execute_operation(prepared, coerce_variables(prepared, variables), context)
    )
    return result.data, result.errors or [], prepared


def video(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "title": f"v{number}", "channelId": f"c{number % 2}", **more}


def videos(count: int = 3) -> Table:
    return Table("Query.videos", lambda parent, first=2: [video(n) for n in range(count)])


def channel(parent: Any, **_: Any) -> dict[str, Any]:
    return {"id": parent["channelId"], "name": f"name {parent['channelId']}", "country": None}


async def test_one_call_for_all_parents_of_a_level() -> None:
    channels = Table("Video.channel", channel, reads=wanted("channelId"))
    related = Table(
        "Video.related", lambda parent, n=None: [video(int(parent["id"]) + 10)] * (n or 1)
    )
    schema = bind(
        Query__videos=BatchField(videos(), "Query.videos"),
        Video__channel=BatchField(channels, "Video.channel"),
        Video__related=BatchField(related, "Video.related"),
    )
    data, errors, _ = await answer(
        schema,
        "query ($n: Int) { videos { id channel { name } a: related(n: 1) { id } b: related(n: $n) { channel { name } } } }",
        n=2,
    )
    assert not errors
    assert data["videos"][2] == {
        "id": "2",
        "channel": {"name": "name c0"},
        "a": [{"id": "12"}],
        "b": [{"channel": {"name": "name c0"}}] * 2,
    }
    assert [len(parents) for parents, _ in channels.calls] == [3, 6]
    assert [arguments for _, arguments in related.calls] == [{"n": 1}, {"n": 2}]


async def test_errors_of_one_parent_and_of_all() -> None:
    def give(parent: Any) -> Any:
        number = int(parent["id"])
        return [ValueError("not this one"), None, {"id": "x", "name": None}, channel(parent)][
            number
        ]

    channels = Table("Video.channel", give)
    schema = bind(
        Query__videos=BatchField(videos(4), "Query.videos"),
        Video__channel=BatchField(channels, "Video.channel"),
    )
    data, errors, _ = await answer(schema, "{ videos { channel { name } } }")
    assert [row["channel"] for row in data["videos"]] == [None, None, None, {"name": "name c1"}]
    assert [(error.message, error.path) for error in errors] == [
        ("not this one", ["videos", 0, "channel"]),
        (
            "Cannot return null for non-nullable field Channel.name.",
            ["videos", 2, "channel", "name"],
        ),
    ]
    channels.give = RuntimeError("all of them")
    data, errors, _ = await answer(schema, "{ videos { id channel { name } } }")
    assert [error.path for error in errors] == [
        ["videos", number, "channel"] for number in range(4)
    ]
    assert data["videos"][3] == {"id": "3", "channel": None}


async def test_a_loader_that_gives_the_wrong_number_is_told_so() -> None:
    class Short(Table):
        async def load(
            self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Any
        ) -> list[Any]:
            return []

    schema = bind(Query__videos=BatchField(Short("Query.videos", None), "Query.videos"))
    data, errors, _ = await answer(schema, "{ videos { id } }")
    assert data is None
    assert errors[0].message == "the loader of Query.videos gave 0 values for 1 parents"


async def test_loaders_are_told_what_is_read_of_their_values() -> None:
    channels = Table("Video.channel", channel, reads=wanted("channelId"))
    roots = videos()
    schema = bind(
        Query__videos=BatchField(roots, "Query.videos"),
        Video__channel=BatchField(channels, "Video.channel"),
    )
    await answer(
        schema,
        "{ videos { title channel { n: name owner { name } ...F } } } fragment F on Channel { owner { id } }",
    )
    assert roots.projected == [wanted("title", "channelId")]
    assert channels.projected == [wanted("name", owner=wanted("name", "id"))]


async def test_loaders_hold_everything_where_a_resolver_may_read_it() -> None:
    roots = videos()
    label = FieldResolver(
        lambda row, context: f"{row['title']}!", "Video.label", is_async=False, takes_info=False
    )
    schema = bind(Query__videos=BatchField(roots, "Query.videos"), Video__label=label)
    data, _, _ = await answer(schema, "{ videos { label } }")
    assert data["videos"][0] == {"label": "v0!"}
    assert roots.projected == []


async def test_entities_complete_the_parents_that_lack_a_field() -> None:
    rows = [
        {"id": "0", "channel": {"id": "a", "name": "there", "country": None}},
        {"id": "1", "channel": {"id": "b"}},
        {"id": "2", "channel": {"id": "c", "name": "mine"}},
        {"id": "3", "channel": {"id": "gone"}},
        {"id": "4", "channel": {"id": "bad"}},
        {"id": "5", "channel": None},
    ]
    before = repr(rows)

    def give(parent: Any) -> Any:
        found = {"gone": None, "bad": ValueError("bad entity")}
        return found.get(parent["id"], {"name": f"entity {parent['id']}", "country": "NO"})

    entities = Table("Channel", give, reads=wanted("id"), supplies=wanted("name", "country"))
    schema = bind(
        Query__videos=BatchField(Table("Query.videos", lambda parent, first: rows), "Query.videos")
    )
    on_type(schema, entities, "name", "country")
    data, errors, prepared = await answer(schema, "{ videos { channel { id country name } } }")
    assert [row["channel"] for row in data["videos"]] == [
        {"id": "a", "country": None, "name": "there"},
        {"id": "b", "country": "NO", "name": "entity b"},
        {"id": "c", "country": "NO", "name": "mine"},
        None,
        None,
        None,
    ]
    assert [error.path for error in errors] == [
        ["videos", 3, "channel", "name"],
        ["videos", 4, "channel", "country"],
        ["videos", 4, "channel", "name"],
    ]
    assert [[parent["id"] for parent in parents] for parents, _ in entities.calls] == [
        ["b", "c", "gone", "bad"]
    ]
    assert entities.projected == [wanted("country", "name")]
    assert repr(rows) == before
    assert "entity Channel.country+Channel.name" in print_plan(prepared.plan())


async def test_no_entity_call_where_every_parent_holds_the_fields() -> None:
    entities = Table("Channel", lambda parent: 1 / 0, reads=wanted("id"))
    rows = [{"channel": {"id": "a", "name": "there"}}]
    schema = bind(
        Query__videos=BatchField(Table("Query.videos", lambda parent, first: rows), "Query.videos")
    )
    on_type(schema, entities, "name")
    data, errors, _ = await answer(schema, "{ videos { channel { name } } }")
    assert (data, errors) == ({"videos": [{"channel": {"name": "there"}}]}, [])
    assert entities.calls == []


async def test_what_a_loader_supplies_needs_no_step() -> None:
    supplied = Table(
        "Query.videos",
        lambda parent, first: [video(1, channel={"id": "c", "name": "n"})],
        supplies=wanted("id", "title", channel=wanted("id", "name")),
    )
    entities = Table("Channel", lambda parent: 1 / 0, reads=wanted("id"))
    schema = bind(Query__videos=BatchField(supplied, "Query.videos"))
    on_type(schema, entities, "id", "name", "country")
    data, _, prepared = await answer(schema, "{ videos { title channel { id name } } }")
    assert data == {"videos": [{"title": "v1", "channel": {"id": "c", "name": "n"}}]}
    assert "entity" not in print_plan(prepared.plan())
    _, _, prepared = await answer(schema, "{ videos { channel { country } } }")
    assert "entity Channel.country" in print_plan(prepared.plan())


@pytest.mark.parametrize(
    "text", ["{ videos { channel { name } } }", "{ videos { channelId channel { name } } }"]
)
async def test_what_a_loader_reads_is_made_first(text: str) -> None:
    ids = Table(
        "Video",
        lambda parent: {"channelId": "late"},
        reads=wanted("id"),
        supplies=wanted("channelId"),
    )
    channels = Table("Video.channel", channel, reads=wanted("channelId"))
    rows = [{"id": "1"}, {"id": "2", "channelId": "mine"}]
    schema = bind(
        Query__videos=BatchField(Table("Query.videos", lambda parent, first: rows), "Query.videos"),
        Video__channel=BatchField(channels, "Video.channel"),
    )
    on_type(schema, ids, "channelId")
    data, errors, _ = await answer(schema, text)
    assert not errors
    assert [row["channel"]["name"] for row in data["videos"]] == ["name late", "name mine"]
    assert "channelId" in data["videos"][0] or "channelId" not in text
    assert len(ids.calls) == len(channels.calls) == 1
    assert rows == [{"id": "1"}, {"id": "2", "channelId": "mine"}]


async def test_what_could_not_be_made_fails_only_what_reads_it() -> None:
    ids = Table("Video", lambda parent: ValueError("no key"), reads=wanted("id"))
    channels = Table("Video.channel", channel, reads=wanted("channelId"))
    rows = [{"id": "1"}, {"id": "2", "channelId": "mine"}]
    schema = bind(
        Query__videos=BatchField(Table("Query.videos", lambda parent, first: rows), "Query.videos"),
        Video__channel=BatchField(channels, "Video.channel"),
    )
    on_type(schema, ids, "channelId")
    data, errors, _ = await answer(schema, "{ videos { id channel { name } } }")
    assert data["videos"] == [
        {"id": "1", "channel": None},
        {"id": "2", "channel": {"name": "name mine"}},
    ]
    assert [(error.message, error.path) for error in errors] == [
        ("no key", ["videos", 0, "channel"])
    ]


async def test_loaders_that_read_each_other_do_not_wait_for_each_other() -> None:
    left = Table("Channel", lambda parent: {"name": "n"}, reads=wanted("country"))
    right = Table("Channel", lambda parent: {"country": "NO"}, reads=wanted("name"))
    rows = [{"channel": {"id": "a"}}]
    schema = bind(
        Query__videos=BatchField(Table("Query.videos", lambda parent, first: rows), "Query.videos")
    )
    on_type(schema, left, "name")
    on_type(schema, right, "country")
    data, errors, _ = await answer(schema, "{ videos { channel { name country } } }")
    assert (data, errors) == ({"videos": [{"channel": {"name": "n", "country": "NO"}}]}, [])


async def test_objects_of_python_resolvers_are_parents_too() -> None:
    class Video:
        id = "7"
        channelId = "c7"  # noqa: N815

    channels = Table("Video.channel", channel)
    channels.give = lambda parent: {"id": "x", "name": f"name {parent.channelId}"}
    one = FieldResolver(lambda *_, **__: Video(), "Query.video", is_async=False, takes_info=False)
    schema = bind(Query__video=one, Video__channel=BatchField(channels, "Video.channel"))
    data, _, _ = await answer(schema, "{ video(id: 7) { id channel { name } } }")
    assert data == {"video": {"id": "7", "channel": {"name": "name c7"}}}


async def test_an_entity_holds_what_another_loader_reads_of_it() -> None:
    """The operation asks for the channel's name; the batch field reads the channel's id."""
    entities = Table(
        "Video", lambda parent: {"channel": {"id": "c1", "name": "n"}}, reads=wanted("id")
    )
    related = Table(
        "Video.related",
        lambda parent: [video(int(parent["channel"]["id"][1:]))],
        reads=wanted(channel=wanted("id")),
    )
    rows = [{"id": "1"}]
    schema = bind(
        Query__videos=BatchField(Table("Query.videos", lambda parent, first: rows), "Query.videos"),
        Video__related=BatchField(related, "Video.related"),
    )
    on_type(schema, entities, "channel")
    data, errors, _ = await answer(schema, "{ videos { channel { name } related { title } } }")
    assert not errors
    assert data["videos"] == [{"channel": {"name": "n"}, "related": [{"title": "v1"}]}]
    assert entities.projected == [wanted(channel=wanted("name", "id"))]
    data, errors, _ = await answer(schema, "{ videos { related { title } } }")
    assert not errors
    assert entities.projected[1] == wanted(channel=wanted("id"))


class ChannelStub(DecodedRow, eq=False):
    id: str


async def test_equal_decoded_rows_are_completed_once_and_fail_at_each_of_their_places() -> None:
    """Twenty videos of two channels; one channel cannot be loaded."""
    stubs = [ChannelStub("good"), ChannelStub("bad")]
    rows = [{**video(n), "channel": stubs[n % 2]} for n in range(20)]
    broken = False

    def give(parent: Any) -> Any:
        if broken and parent.id == "bad":
            return ValueError("no such channel")
        return {"name": f"name {parent.id}"}

    channels = Table("Channel", give, wanted("id"), wanted("name"))
    schema = bind(
        Query__videos=BatchField(Table("Query.videos", lambda _, first=2: rows), "Query.videos")
    )
    on_type(schema, channels, "name")
    text = "{ videos { channel { id name } } }"
    names = ["name good", "name bad"] * 10
    ids = ["good", "bad"] * 10
    whole = [{"channel": {"id": id_, "name": n}} for id_, n in zip(ids, names, strict=True)]
    prepared = Prepared(schema, parse(text))
    context: Any = object()
    for _ in range(3):  # the code follows the form of the rows
        result = await value_of(
            execute_operation(prepared, coerce_variables(prepared, {}), context)
        )
        assert result.errors is None
        assert result.data == {"videos": whole}
    assert [len(parents) for parents, _ in channels.calls] == [2, 2, 2]

    broken = True
    result = await value_of(execute_operation(prepared, coerce_variables(prepared, {}), context))
    assert result.data == {
        "videos": [row if n % 2 == 0 else {"channel": None} for n, row in enumerate(whole)]
    }
    paths = [error.path for error in result.errors or ()]
    assert paths == [["videos", n, "channel", "name"] for n in range(1, 20, 2)]
