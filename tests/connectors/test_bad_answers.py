"""Whatever a backend sends: data and located errors with a code of their own, never an internal error."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.app.config import build_config
from gateway.testing import GatewayClient, Result
from tests.connectors.scenario import SOURCE, use_path
from tests.support.backend import Answer, Asked, backend

SDL = (
    SOURCE
    + """type Query {
  posts: [Post] @connect(source: "b", http: { GET: "/posts" }, selection: "id title score live user: { id: userId } tags meta { a }")
  first: String @connect(source: "b", http: { GET: "/posts" }, selection: "$->first.title->slice(0, 2)")
}
type Meta { a: String }
type Post { id: ID title: String score: Float live: Boolean user: User tags: [String] meta: Meta
  notes: [Note] @connect(source: "b", http: { GET: "/notes", queryParams: "p: $batch.id" },
    batch: { groupBy: "post" }, selection: "post text") }
type Note { post: ID text: String }
type User @connect(source: "b", http: { GET: "/users", queryParams: "id: $batch.id" }, selection: "id name") { id: Int name: String }"""
)
QUERIES = (
    "{ first posts { id title score live tags meta { a } notes { text } user { id name } } }",
    "{ posts { id } }",
    "{ posts { t: title meta { a } } }",
    "{ posts { user { name } } }",
)
CAP = 200_000
ROW = {
    "id": 1,
    "title": "t",
    "score": 1.5,
    "live": True,
    "userId": 2,
    "tags": ["x"],
    "meta": {"a": "b"},
}
JSON = (("content-type", "application/json"),)

leaf = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=5)
    | st.sampled_from([10**400, -(2**63), [], {}, "NaN", "1"])
)
value = st.recursive(
    leaf,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ROW, "name", "text", "post"]), inner, max_size=4)
    ),
    max_leaves=8,
)
row = st.fixed_dictionaries(
    {}, optional={name: st.just(good) | value for name, good in ROW.items()}
)
body = (value | st.lists(row, max_size=4)).map(lambda v: json.dumps(v).encode())
cut = st.tuples(body, st.integers(0, 60)).map(lambda pair: pair[0][: pair[1]])
DEEP = 30_000
FIXED = [
    b"", b"{", b"[NaN]", b"[Infinity]", b"[" * 5000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 3000, b"\xff\xfe[1]",
    b'[{"id":1,"id":2,"title":"a","title":3}]', b"<html><h1>502 Bad Gateway", b'[{"title":"\\ud800"}]', b"[1e999]",
    b"\xef\xbb\xbf[]", b'[{"id":12345678901234567890123}]', b'[{"id":1e400}]', b"null", b"[[[{}]]]",
    # Not a number, at each place
    b'[{"id":NaN,"title":"a"}]', b'[{"score":-Infinity}]', b'[{"unread":NaN,"id":1}]', b'[{"score":nan}]',
    # Members twice, of one kind and of several
    b'[{"meta":{"a":"x"},"meta":[]}]', b'[{"userId":1,"userId":"1"}]', b'{"id":1,"name":"a","id":{}}',
    # Nested deeply: where nothing is read, where a leaf is read, where an object is read
    b'[{"unread":' + b"[" * DEEP + b"]" * DEEP + b',"id":1}]', b'[{"title":' + b"[" * DEEP + b"]" * DEEP + b"}]",
    b'[{"meta":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}]", b'[{"id":' + b"[" * DEEP, b'{"unread":' * DEEP,
    # Texts of other encodings than UTF-8, at each place
    '[{"id":1,"title":"é"}]'.encode("latin-1"), '[{"unread":"é","id":1}]'.encode("latin-1"), '[{"é":1,"id":1}]'.encode("latin-1"),
    '[{"title":"é"}]'.encode("utf-16"), '[{"title":"é"}]'.encode("utf-32-le"), b'[{"title":"\xc3"}]', b'[{"title":"\xed\xa0\x80"}]', b'[{"title":"\x00"}]',
    # Cut off in the middle of a text, an escape, a number, a word
    b'[{"id":1,"title":"a', b'[{"title":"\\u00', b'[{"score":1.', b'[{"score":-', b'[{"live":tru', b'[{"id":1}', b'[{"id":1},',
    # Something after the value; comments; other quotes
    b'[{"id":1}] [', b'[{"id":1}]\x00', b"[{'id':1}]", b'[{"id":1},]', b'[/**/{"id":1}]', b'{"id":01}',
    b'[{"title":"' + b"a" * CAP + b'"}]',
]  # fmt: skip
fixed = st.sampled_from(FIXED)
kind = st.sampled_from(
    [
        JSON,
        (),
        (("content-type", "text/html"),),
        (("content-type", "text/plain; charset=nope"),),
        (("content-type", "application/json; charset=utf-16"),),
        (("content-type", "application/json; charset=nope"),),
        (("content-type", "text/plain; charset=utf-7"),),
        (("content-type", "a/b; charset"), ("content-type", "application/json")),
    ]
)
plain = st.builds(
    Answer,
    body | cut | fixed,
    st.sampled_from([200, 200, 200, 204, 301, 404, 500]),
    kind | st.just(JSON),
)
GZIP = (*JSON, ("content-encoding", "gzip"))
BOMB = gzip.compress(b'[{"title":"' + b"a" * 20_000_000 + b'"}]')
PACKED = [BOMB, BOMB[:-9], gzip.compress(b"[]")[:12], gzip.compress(gzip.compress(b"[]"))]
packed = (st.sampled_from(PACKED) | (body | fixed).map(gzip.compress) | body).map(
    lambda sent: Answer(sent, 200, GZIP)
)
answer = plain | packed


@pytest.mark.parametrize("dialect", ["json", "php"])
@pytest.mark.parametrize("path", ["compiled", "graphql-core"])
async def test_no_answer_is_an_internal_error(
    path: str, dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_path(path, monkeypatch)
    answers: dict[str, Answer] = {}

    def answering(asked: Asked) -> Any:
        return answers[asked.target.partition("?")[0]]

    async with backend(answering) as server:
        (tmp_path / "schema.graphql").write_text(SDL.replace("BASE", server.url))
        tables = {
            "graph": {"schema": ["schema.graphql"]},
            "sources": {"b": {"dialect": dialect, "max_response_size_bytes": CAP}},
        }
        async with GatewayClient(build_config(tables), base=tmp_path) as client:
            for number, given_answers in enumerate(examples()):
                answers.update(given_answers)
                result = await client.execute(QUERIES[number % len(QUERIES)])
                check(result, given_answers)


def check(result: Result, given_answers: dict[str, Answer]) -> None:
    """Data, beside errors that have a place and whose code is not that of a mistake of the gateway's."""
    assert result.status == 200, given_answers
    assert set(result.data or ()) <= {"posts", "first"}, given_answers
    for error in result.errors:
        code = error.get("extensions", {}).get("code")
        assert error["path"], given_answers
        assert code != "INTERNAL_SERVER_ERROR", (given_answers, error)


def examples() -> list[dict[str, Answer]]:
    """Each fixed answer at each endpoint; then hypothesis' answers, drawn before the event loop runs."""
    good = {
        "/posts": Answer([ROW]),
        "/users": Answer([{"id": 2, "name": "u"}]),
        "/notes": Answer([{"post": 1, "text": "n"}]),
    }
    bad = [Answer(sent) for sent in FIXED] + [Answer(sent, 200, GZIP) for sent in PACKED]
    found = [{**good, target: answer} for answer in bad for target in good]
    rows = st.lists(st.just(ROW) | row, min_size=1, max_size=3).map(lambda v: Answer(v))

    @settings(
        max_examples=200,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(answer | rows, answer, answer)
    def draw(posts: Answer, users: Answer, notes: Answer) -> None:
        found.append({"/posts": posts, "/users": users, "/notes": notes})

    draw()
    return found
