"""What a decoder cannot take is mapped, counted and told; what was generated is shown while its decoder lives."""

from __future__ import annotations

import gc
import linecache
import traceback
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema

from gateway.app.config import build_config
from gateway.connectors.mapping.analyse import plain_shape
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.response import decoding, typed
from gateway.connectors.response.decoding import Decodings, RowDecoding
from gateway.connectors.response.typed import TypedDecoder, typed_decoder
from gateway.connectors.views import plain
from gateway.graph.field_tree import FieldTree
from gateway.testing import GatewayClient
from tests.connectors.scenario import SOURCE
from tests.support.backend import Answer, backend

POSTS: Any = build_schema(
    """type Query { posts: [Post] } type User { id: ID name: String }
    type Post { id: ID user: User author: User city: String authorName: String n: Int s: String users: [User] userNames: [String] }"""
).type_map["Query"]
KIND = POSTS.fields["posts"].type
LEAF = FieldTree()


def decodings(selection: str) -> Decodings:
    return Decodings("b", "Query.posts", plain_shape(parse_mapping(selection)), KIND)


def test_the_docstring_shows_what_is_generated() -> None:
    shape = plain_shape(parse_mapping("id user: { id: userId } city: address.city"))
    assert shape is not None
    wanted = FieldTree(id=LEAF, user=FieldTree(id=LEAF), city=LEAF)
    made = typed_decoder(shape, KIND, wanted, is_exact=True, name="Query.posts")
    assert "".join(made.source.split()) in "".join((typed.__doc__ or "").split())


def test_a_traceback_shows_generated_text_until_its_decoder_is_gone() -> None:
    made = decodings("id city: address.city").of(FieldTree(id=LEAF, city=LEAF)).typed
    assert made is not None
    filename = made.filename
    assert "Query.posts" in filename
    with pytest.raises(TypeError) as caught:
        made.decode(1)  # type: ignore[arg-type]
    assert "v = d(b)" in "".join(traceback.format_exception(caught.value))
    del made, caught
    gc.collect()
    assert filename not in linecache.cache


def test_decoders_of_equal_text_share_its_name_and_nothing_else() -> None:
    wanted = FieldTree(city=LEAF)
    first, second = (decodings("id city: address.city").of(wanted) for _ in range(2))
    assert first.typed is not None
    assert second.typed is not None
    assert first.typed.source == second.typed.source
    assert first.typed.filename == second.typed.filename
    assert first.typed is not second.typed


def test_whatever_a_generated_decoder_raises_is_counted_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: bytes) -> Any:
        raise AttributeError("'list' object has no attribute '__1__'")

    made = RowDecoding("broken", "Query.posts", typed=TypedDecoder(broken, None))
    before = decoding.fallbacks["broken", "error"]
    assert [made.rows(b"[]"), made.rows(b"[]")] == [..., ...]
    assert decoding.fallbacks["broken", "error"] == before + 2
    assert made.describe() == (
        "decoded; mapped 2 times, last for AttributeError: 'list' object has no attribute '__1__'"
    )
    assert len(caplog.records) == 1


def test_a_leaf_of_another_type_ends_exactness_and_is_counted() -> None:
    made = decodings("id n").of(FieldTree(n=LEAF))
    before = decoding.fallbacks["b", "type"]
    assert made.rows(b'{"error": "not a list"}') is ...
    assert made.rows(b'[{"n": 4}]') is not ...
    assert made.describe().startswith("decoded; mapped 1 times, last for ValidationError")
    assert made.exact is not None
    assert plain(made.rows(b'[{"n": "4"}]')) == [{"n": "4"}]
    assert decoding.fallbacks["b", "type"] == before + 1
    assert made.exact is None


@pytest.mark.parametrize(
    ("selection", "wanted", "why"),
    [
        ("users { id } userNames: users.name", ["users", "userNames"],
         "users is a list of rows, and a path leads through it"),
        ("user author: user { id }", ["author", "user"], "user is an object that is taken as it stands"),
        ("user { id } author: user { name }", ["user", "author"], "two fields take user"),
        ("id: m s: m.t", ["id", "s"], "m is taken as it stands, and from inside it"),
    ],
)  # fmt: skip
def test_why_answers_are_mapped_does_not_depend_on_the_order(
    selection: str, wanted: list[str], why: str
) -> None:
    below = {
        "users": FieldTree(id=LEAF),
        "user": FieldTree(id=LEAF),
        "author": FieldTree(name=LEAF),
    }
    for names in (wanted, wanted[::-1]):
        made = decodings(selection).of(FieldTree({name: below.get(name, LEAF) for name in names}))
        assert made.typed is None
        assert made.describe().startswith("mapped: ")
        if "stands" not in why:
            assert made.why == why


@pytest.mark.parametrize("names", [["author", "authorName"], ["authorName", "author"]])
def test_a_path_through_an_object_is_decoded_before_it_and_after(names: list[str]) -> None:
    below = {"author": FieldTree(id=LEAF), "authorName": LEAF}
    made = decodings("author { id } authorName: author.name").of(
        FieldTree({name: below[name] for name in names})
    )
    rows = made.rows(b'[{"author": {"id": 1, "name": "a"}}, {"author": null}, {}]')
    assert plain(rows) == [
        {name: {"author": {"id": 1}, "authorName": "a"}[name] for name in names},
        dict.fromkeys(names),
        dict.fromkeys(names),
    ]


@pytest.mark.parametrize("names", [["n", "s"], ["s", "n"]])
def test_two_types_of_one_leaf_promise_neither(names: list[str]) -> None:
    made = decodings("user: u { id: v } n: u.v s: u.v").of(
        FieldTree({"user": FieldTree(id=LEAF), **dict.fromkeys(names, LEAF)})
    )
    rows: Any = made.rows(b'[{"u": {"v": 1.5}}]')
    assert rows[0].user.__exact__ == {}


@pytest.mark.parametrize(
    "wanted", [FieldTree(id=LEAF), FieldTree(id=LEAF, user=FieldTree(id=LEAF)), FieldTree()]
)
def test_null_is_left_to_the_mapping_where_it_makes_a_group_of_it(wanted: FieldTree) -> None:
    """Whether the group is asked for or not: braces on null are an object then."""
    made = decodings("id user: { id: userId }").of(wanted)
    for body in (b"null", b"[null]"):
        assert made.rows(body) is ...
    assert made.rows(b"[{}]") is not ...


async def test_the_explanation_of_a_plan_says_how_answers_are_read(tmp_path: Path) -> None:
    sdl = (
        SOURCE
        + """type Query {
      labels: [Label] @connect(source: "b", http: { GET: "/labels" }, selection: "id: $.ids { id } name")
      first: String @connect(source: "b", http: { GET: "/labels" }, selection: "$->first.name")
      issues: [Issue] @connect(source: "b", http: { GET: "/issues" }, selection: "labels { name } names: labels.name") }
    type Issue { labels: [Label] names: [String] } type Label { id: [Id] name: String } type Id { id: ID }"""
    )
    answers = {"/labels": [{"name": 1}], "/issues": []}
    async with backend(answers) as server:
        (tmp_path / "schema.graphql").write_text(sdl.replace("BASE", server.url))
        config = build_config(
            {"graph": {"schema": ["schema.graphql"]}, "explain": {"plan_header": True}}
        )
        async with GatewayClient(config, base=tmp_path, env={}) as client:
            query = "{ labels { name } first issues { labels { name } names } }"
            for _ in range(2):
                result = await client.execute(query, headers={"x-gateway-plan": "true"})
    tree = result.extensions["plan"]["tree"]
    assert "calls Query.labels: GET /labels of b, once; decoded, leaves of any type" in tree
    assert "; mapped: the selection does more than take values from places\n" in tree
    assert "; mapped: labels is a list of rows, and a path leads through it\n" in tree


async def test_what_nobody_asks_for_changes_no_answer(tmp_path: Path) -> None:
    """Half an emoji, bytes that are not UTF-8, numbers of any size: beside what is asked, and in it."""
    sdl = (
        SOURCE
        + """type Query { rows: [Row] @connect(source: "b", http: { GET: "/" }, selection: "id name bio big") }
    type Row { id: ID name: String bio: String big: Float }"""
    )
    body = b'[{"id": 123456789012345678901234567890, "name": "Ann", "bio": "b\\ud83d \xff", "big": 1e400}]'
    async with backend({"/": Answer(body)}) as server:
        (tmp_path / "schema.graphql").write_text(sdl.replace("BASE", server.url))
        config = build_config({"graph": {"schema": ["schema.graphql"]}})
        async with GatewayClient(config, base=tmp_path, env={}) as client:
            id_ = "123456789012345678901234567890"
            for fields in ("id name", "name id", "bio id name", "name bio id"):
                result = await client.execute(f"{{ rows {{ {fields} }} }}")
                expected = {"id": id_, "name": "Ann", "bio": "b\ufffd \ufffd"}
                assert result.data == {"rows": [{name: expected[name] for name in fields.split()}]}
            result = await client.execute("{ rows { name big } }")
            assert result.data == {"rows": [{"name": "Ann", "big": None}]}
            assert [error["path"] for error in result.errors] == [["rows", 0, "big"]]
