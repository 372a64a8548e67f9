"""Projection: only what an operation asks for is decoded, and what it gives is what the mapping gives."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from graphql import build_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.connectors.mapping.analyse import plain_shape, supplied_fields
from gateway.connectors.mapping.compile import compile_mapping
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.response.typed import NotPlainError, typed_decoder
from gateway.graph.field_tree import FieldTree

SCHEMA = build_schema(
    """
    type Query { posts: [Post] post: Post title: String titles: [String] }
    type Post { id: Int name: String email: String class: String user: User tags: [String] notes: [Note] }
    type User { id: Int name: String }
    type Note { text: String by: User }
    """
)
SELECTIONS = {
    "fields": "id name",
    "alias": "id name: title",
    "a keyword": "id class",
    "a group": "id name user: { id: userId }",
    "one key twice": "id name: id",
    "a path": "id name: meta.title email: meta.contact.email",
    "nested": "id user: author { id name: fullName }",
    "a list below": "id notes: items { text by: { id: userId } }",
    "a leaf list": "id tags",
    "below a path": "$.data { id name }",
    "below two": "$.data.items { id user: author { name } }",
}


def field_type(name: str) -> Any:
    assert SCHEMA.query_type is not None
    return SCHEMA.query_type.fields[name].type


def whole(selection: str) -> FieldTree:
    def tree(members: Any) -> FieldTree:
        return FieldTree({name: tree(inner.members) for name, inner in members.items()})

    return tree(supplied_fields(parse_mapping(selection)).members)


def plain(value: Any) -> Any:
    """Rows as dicts, without what they hold for themselves."""
    if isinstance(value, msgspec.Struct):
        names = [name for name in value.__struct_fields__ if not name.startswith("__")]
        return {name: plain(getattr(value, name)) for name in names}
    return [plain(item) for item in value] if isinstance(value, list) else value


def by_mapping(selection: str, data: Any) -> Any:
    parsed = parse_mapping(selection)
    value = compile_mapping(parsed, "t", fill=supplied_fields(parsed))(data, {})
    return None if value is ... else value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "name", "title", "class", "userId", "meta", "contact", "email", "author",
             "fullName", "items", "text", "tags", "data"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize("name", SELECTIONS)
@pytest.mark.parametrize("field", ["posts", "post"])
@pytest.mark.parametrize("is_exact", [False, True])
@settings(max_examples=150, deadline=None)
@given(data=json_values)
def test_what_decodes_is_what_the_mapping_gives(
    name: str, field: str, is_exact: bool, data: Any
) -> None:
    selection = SELECTIONS[name]
    shape = plain_shape(parse_mapping(selection))
    assert shape is not None
    decode = typed_decoder(shape, field_type(field), whole(selection), is_exact=is_exact).decode
    try:
        rows = decode(json.dumps(data).encode())
    except msgspec.DecodeError:
        return  # read generically then
    assert plain(rows) == by_mapping(selection, data)


@pytest.mark.parametrize(
    ("selection", "data"),
    [
        ("id name: title", [{"id": 1, "title": "t", "more": {"a": [1]}}]),
        ("id", [{"id": 1}, {"id": 2}]),
        ("id user: { id: userId }", [{"id": 1, "userId": 7}, {}]),
        ("$.data.items { id name: title }", {"data": {"items": [{"id": 1}]}}),
    ],
)
def test_plain_answers_never_are_read_generically(selection: str, data: Any) -> None:
    shape = plain_shape(parse_mapping(selection))
    assert shape is not None
    for is_exact in (False, True):
        decode = typed_decoder(
            shape, field_type("posts"), whole(selection), is_exact=is_exact
        ).decode
        assert plain(decode(json.dumps(data).encode())) == by_mapping(selection, data)


STRICT: Any = build_schema(
    """
    type Query { things: [Thing!]! }
    type Thing { id: ID! key: ID n: Int! text: String ok: Boolean! part: Part x: Float }
    type Part { id: ID! }
    """
).query_type
RIGHT = {"id": 1, "key": "k", "n": 2, "text": "t", "ok": True, "partId": 7, "x": 1}
SELECTED = "id key n text ok x part: { id: partId }"


def exact_rows(selection: str, data: Any) -> Any:
    shape = plain_shape(parse_mapping(selection))
    assert shape is not None
    decode = typed_decoder(
        shape, STRICT.fields["things"].type, whole(selection), is_exact=True
    ).decode
    return decode(json.dumps(data).encode())


def test_rows_promise_what_their_decoder_has_asked_for() -> None:
    first, second = exact_rows(SELECTED, [RIGHT, {**RIGHT, "key": None, "text": None}])
    assert first.__exact__ == {
        "id": "ID!", "key": "ID", "n": "Int!", "text": "String", "ok": "Boolean!"
    }  # fmt: skip
    assert first.part.__exact__ == {}  # a foreign key may be null
    assert first.part is second.part
    assert plain(first.part) == {"id": 7}


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None}, {"id": True}, {"id": 1.0}, {"key": []}, {"n": None}, {"n": "2"}, {"n": 2.0},
        {"n": 2**31}, {"n": -(2**31) - 1}, {"text": 1}, {"ok": None}, {"ok": 1}, {"ok": "true"},
    ],
)  # fmt: skip
def test_what_breaks_a_promise_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        exact_rows(SELECTED, [RIGHT, {**RIGHT, **wrong}])


def test_absence_breaks_a_promise_of_what_is_not_null() -> None:
    with pytest.raises(msgspec.ValidationError):
        exact_rows("id n", [{"id": 1}])
    assert plain(exact_rows("id text", [{"id": 1}])) == [{"id": 1, "text": None}]


def test_only_what_is_wanted_becomes_an_attribute() -> None:
    shape = plain_shape(parse_mapping("id name email: contact.email"))
    assert shape is not None
    decode = typed_decoder(shape, field_type("posts"), FieldTree(name=FieldTree())).decode
    (row,) = decode(b'[{"id": 1, "name": "n", "contact": {"email": "e"}, "blob": [[[1]]]}]')
    assert row.__struct_fields__ == ("name",)


@pytest.mark.parametrize(
    ("selection", "field"),
    [
        ("id name: meta user: meta { id }", "posts"),  # a leaf and an object at once
        ("id user", "posts"),  # the backend's object as it stands
    ],
)
def test_what_structs_cannot_say_is_mapped(selection: str, field: str) -> None:
    shape = plain_shape(parse_mapping(selection))
    assert shape is not None
    with pytest.raises(NotPlainError):
        typed_decoder(shape, field_type(field), whole(selection))


def test_a_value_alone() -> None:
    shape = plain_shape(parse_mapping("$.title"))
    assert shape is not None
    decode = typed_decoder(shape, field_type("title"), FieldTree()).decode
    assert decode(b'{"title": "t", "x": 1}') == "t"
    assert decode(b"{}") is None
