"""What counts as a difference between two values of a field, and where it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from graphql import build_schema, parse

from gateway.connectors.shadow.compare import Comparing
from gateway.connectors.shadow.uses import read_shadows
from gateway.graph.field_tree import FieldTree

SDL = """
type Query { videos: [Video] found: Found any: JSON }
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
    text = f"type Video @shadow({use or 'percent: 1'}) {{ id: ID }}"
    comparing = Comparing(SCHEMA, kind, read_shadows(parse(text))["Video"], 100)
    found = asyncio.run(comparing.compare([(one, other)], wanted, "Video"))
    return {(at, kind): found.examples[at, kind][0] for at, kind in found.kinds}


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
