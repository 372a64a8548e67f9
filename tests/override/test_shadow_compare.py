"""What counts as a difference between two values of a field, and where it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from graphql import build_schema, parse

from gateway.connectors.shadow.compare import VALUES_OF_ROW, Comparing
from gateway.connectors.shadow.found import Found
from gateway.connectors.shadow.uses import read_shadows, spread
from gateway.graph.field_tree import FieldTree

SDL = """
type Query { videos: [Video] found: Found any: JSON nodes: [Node] rows: [Row] ids: [ID] texts: [String] }
interface Node { id: ID at: Int }
type Row implements Node { id: ID at: Int views: Int price: Float tags: [ID] big: Big }
scalar Big
union Found = Video | Person
type Person { name: String }
scalar JSON
enum Kind { FILM CLIP }
type Video { id: ID title: String length: Int rating: Float kind: Kind tags: [String] author: Person }
"""
SCHEMA = build_schema(SDL)
VIDEO: Any = SCHEMA.type_map["Video"]
QUERY: Any = SCHEMA.type_map["Query"]
VIDEOS = QUERY.fields["videos"].type
WANTED = FieldTree({name: FieldTree() for name in VIDEO.fields}, author=FieldTree(name=FieldTree()))


def differences(
    one: Any, other: Any, use: str = "", kind: Any = VIDEO, wanted: FieldTree = WANTED
) -> Any:
    """What differs."""
    found = asyncio.run(compared(one, other, use, kind, wanted))
    return {(at, kind): found.examples[at, kind][0] for at, kind in found.kinds}


async def compared(
    one: Any, other: Any, use: str, kind: Any, wanted: FieldTree, most: int = 100
) -> Found:
    """What was found."""
    text = f"type Video @shadow({use or 'percent: 1'}) {{ id: ID }}"
    own = spread(read_shadows(parse(text))["Video"], SCHEMA)
    return await Comparing(SCHEMA, kind, own, most).compare([(one, other)], wanted, "Video")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"id": 1}, {"id": "1"}),
        ({"length": 1}, {"length": 1.0}),
        ({"title": None}, {}),
        ({"tags": ["a", "b"]}, {"tags": ["a", "b"]}),
        ({"kind": "FILM"}, {"kind": "FILM"}),
        ({"unasked": 1}, {"unasked": 2}),
    ],
)
def test_what_a_client_sees_as_equal_is_equal(one: Any, other: Any) -> None:
    assert differences(one, other) == {}


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"title": "a"}, {"title": "b"}, {("Video.title", "value"): "title"}),
        ({"title": "a"}, {}, {("Video.title", "missing"): "title"}),
        ({}, {"title": "a"}, {("Video.title", "added"): "title"}),
        ({"length": 1}, {"length": "x"}, {("Video.length", "type"): "length"}),
        ({"length": 1}, {"length": 1.5}, {("Video.length", "type"): "length"}),
        ({"kind": "FILM"}, {"kind": "film"}, {("Video.kind", "type"): "kind"}),
        ({"author": {"name": "a"}}, {"author": "a"}, {("Video.author", "type"): "author"}),
        ({"author": {"name": "a"}}, {"author": {"name": "b"}}, {("Person.name", "value"): "author.name"}),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, {("Video.tags", "order"): "tags"}),
        ({"tags": ["a"]}, {"tags": ["a", "a"]}, {("Video.tags", "extra row"): "tags.1"}),
        ({"tags": ["a", "b"]}, {"tags": ["a"]}, {("Video.tags", "missing row"): "tags.1"}),
        ({"tags": "a"}, {"tags": ["a"]}, {("Video.tags", "type"): "tags"}),
        ({"title": "a"}, None, {("Video", "missing"): ""}),
    ],
)  # fmt: skip
def test_what_differs_has_a_kind_and_a_path(one: Any, other: Any, found: Any) -> None:
    assert differences(one, other) == found


def test_rows_are_told_apart_by_their_ids() -> None:
    one = [{"id": at, "title": f"t{at}"} for at in (1, 2, 3)]
    other = [{"id": "3", "title": "t3"}, {"id": "2", "title": "x"}, {"id": "9", "title": "t"}]
    assert differences(one, other, kind=VIDEOS) == {
        ("Video", "missing row"): "0",
        ("Video", "extra row"): "2",
        ("Video", "order"): "",
        ("Video.title", "value"): "1.title",
    }


def test_objects_of_other_types_differ_as_a_whole() -> None:
    found = QUERY.fields["found"].type
    one, other = {"__typename": "Video", "title": "a"}, {"__typename": "Person", "name": "a"}
    assert differences(one, other, kind=found) == {("Video", "type"): ""}
    other = {"__typename": "Video", "title": "b"}
    assert differences(one, other, kind=found) == {("Video.title", "value"): "title"}


def test_true_is_no_one_in_a_scalar_of_its_own() -> None:
    kind = SCHEMA.type_map["JSON"]
    assert differences({"a": [1]}, {"a": [True]}, kind=kind) == {("Video", "value"): ""}


def test_what_is_ignored_unordered_or_near_enough_is_equal() -> None:
    assert differences({"title": "a"}, {"title": "b"}, 'ignore: "Video.title"') == {}
    assert differences({"author": {"name": "a"}}, {}, 'ignore: ["Video.author"]') == {}
    unordered = 'unordered: ["Video.tags"]'
    assert differences({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, unordered) == {}
    assert differences({"tags": ["a"]}, {"tags": ["a", "a"]}, unordered) == {
        ("Video.tags", "extra row"): "tags.1"
    }
    assert differences({"rating": 1.0}, {"rating": 1.009}, "tolerance: 0.01") == {}
    assert differences({"rating": 1.0}, {"rating": 1.02}, "tolerance: 0.01") != {}
    assert differences({"rating": 1.0}, {"rating": 1.009}) != {}


def test_no_more_than_so_many_objects_are_looked_at() -> None:
    one = [{"id": at, "title": "a"} for at in range(99)]
    other = [{"id": at, "title": "b"} for at in range(99)]
    use = read_shadows(parse("type Video @shadow { id: ID }"))["Video"]
    found = asyncio.run(Comparing(SCHEMA, VIDEOS, use, 10).compare([(one, other)], WANTED, "Video"))
    assert found.kinds == {("Video.title", "value"): 10}
    other = [*one[:-1], {"id": 98, "title": "b"}]
    found = asyncio.run(Comparing(SCHEMA, VIDEOS, use, 10).compare([(one, other)], WANTED, "Video"))
    assert (found.kinds, found.is_given_up) == ({}, True), "of the last one nothing is known"


ROWS, NODES = QUERY.fields["rows"].type, QUERY.fields["nodes"].type
UNORDERED = 'unordered: ["Video"]'


def rows(one: Any, other: Any, use: str = "", kind: Any = ROWS) -> Any:
    """What differs between lists of the field that is called Video here."""
    names = sorted({name for row in [*one, *other] for name in row if name != "__typename"})
    return differences(one, other, use, kind, FieldTree({name: FieldTree() for name in names}))


@pytest.mark.parametrize(
    ("one", "other", "use"),
    [
        ([{"views": 1, "at": 5}, {"views": 2, "at": 6}], [{"views": 2, "at": 7}, {"views": 1, "at": 8}], 'ignore: ["Row.at"]'),
        ([{"views": "1"}, {"views": "2"}], [{"views": 2}, {"views": 1}], ""),
        ([{"price": 1.0}, {"price": 2.0}], [{"price": 2.0000001}, {"price": 1.0}], "tolerance: 0.01"),
        (
            [{"price": 1.0, "views": 2}, {"price": 1.005, "views": 1}],
            [{"price": 1.0, "views": 1}, {"price": 1.005, "views": 2}],
            "tolerance: 0.02",
        ),
        ([{"tags": [1, 2], "views": 1}], [{"tags": ["2", "1"], "views": 1}], 'unordered: ["Row.tags"]'),
        ([{"id": 1.0}, {"id": 2.0}], [{"id": 2}, {"id": "1"}], ""),
    ],
)  # fmt: skip
def test_rows_without_an_order_are_told_apart_as_a_client_sees_them(
    one: Any, other: Any, use: str
) -> None:
    assert rows(one, other, f"{use} {UNORDERED}" if "unordered" not in use else use) == {}


def test_rows_without_an_order_that_only_one_has_are_told() -> None:
    one, other = [{"price": 1.0}, {"price": 2.0}], [{"price": 2.001}, {"price": 4.0}]
    assert rows(one, other, f"tolerance: 0.01 {UNORDERED}") == {
        ("Video", "missing row"): "0",
        ("Video", "extra row"): "1",
    }
    assert differences([1, 2], ["2", "1"], UNORDERED, QUERY.fields["ids"].type) == {}
    assert differences([1, 2], ["2", "3"], UNORDERED, QUERY.fields["ids"].type) == {
        ("Video", "missing row"): "0",
        ("Video", "extra row"): "1",
    }


def test_rows_whose_ids_are_not_compared_are_told_apart_by_their_places() -> None:
    one, other = [{"id": 1, "views": 1}], [{"id": 7, "views": 1}]
    assert rows(one, other, 'ignore: ["Row.id"]') == {}


@pytest.mark.parametrize(
    ("one", "other"), [(9007199254740993, 9007199254740992), (10**400, 1), (10**400, 1.5)]
)
@pytest.mark.parametrize("use", ["", "tolerance: 0.1"])
def test_whole_numbers_have_all_their_digits(one: Any, other: Any, use: str) -> None:
    near = use and one < 10**20
    found = {} if near else {("Row.big", "value"): "0.big"}
    assert rows([{"big": one}], [{"big": other}], use) == found


def test_what_differs_is_noted_where_it_was_counted() -> None:
    one = [{"__typename": "Row", "id": 1, "at": 1}]
    other = [{"__typename": "Row", "id": 1, "at": 2}]
    for wanted in (FieldTree(at=FieldTree()), FieldTree(id=FieldTree()), FieldTree()):
        found = asyncio.run(compared(one, other, "", NODES, wanted))
        assert found.coordinates <= found.compared
        same = asyncio.run(compared(one, one, "", NODES, wanted))
        assert same.compared == found.compared
    assert rows(one, other, kind=NODES) == {("Row.at", "value"): "0.at"}
    deep = {"author": {"name": "a"}}, {"author": {"name": "b"}}
    for wanted in (FieldTree(), FieldTree(author=FieldTree())):
        assert differences(*deep, wanted=wanted) == {("Video.author", "value"): "author.name"}


def test_a_field_of_an_interface_counts_for_its_types() -> None:
    one = [{"__typename": "Row", "at": 1}]
    assert rows(one, [{"__typename": "Row", "at": 2}], 'ignore: ["Node.at"]', NODES) == {}


def test_where_the_old_source_has_failed_there_is_nothing_to_compare() -> None:
    failed = {"title": ValueError("x")}
    for other in ({"title": ValueError("y")}, {"title": None}, {"title": "a"}):
        assert differences(failed, other) == {}
    assert differences({"title": "a"}, failed) == {("Video.title", "error"): "title"}


@pytest.mark.parametrize("use", ["", UNORDERED])
@pytest.mark.parametrize("field", ["texts", "rows"])
async def test_a_large_list_gives_others_the_event_loop_and_has_an_end(
    use: str, field: str
) -> None:
    count, most = 20_000, 100
    one: list[Any] = [f"t{at}" if field == "texts" else {"views": at} for at in range(count)]
    other = [*one[1:], one[0]]
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.ensure_future(turn())
    kind = QUERY.fields[field].type
    found = await compared(one, other, use, kind, FieldTree(views=FieldTree()), most)
    turning.cancel()
    assert found.is_given_up
    assert turns >= most * VALUES_OF_ROW // 100 - 1
    assert bool(found.kinds) is not bool(use), "without an order nothing is known of a part"
