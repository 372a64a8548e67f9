"""Whatever a backend sends: data and located errors with a code of their own, never an internal error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import build_config
from gateway.testing import GatewayClient
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
QUERY = "{ first posts { id title score live tags meta { a } notes { text } user { id name } } }"
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
fixed = st.sampled_from([
    b"", b"{", b"[NaN]", b"[Infinity]", b"[" * 5000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 3000, b"\xff\xfe[1]",
    b'[{"id":1,"id":2,"title":"a","title":3}]', b"<html><h1>502 Bad Gateway", b'[{"title":"\\ud800"}]', b"[1e999]",
    b"\xef\xbb\xbf[]", b'[{"id":12345678901234567890123}]', b'[{"id":1e400}]', b"null", b"[[[{}]]]",
])  # fmt: skip
kind = st.sampled_from(
    [JSON, (), (("content-type", "text/html"),), (("content-type", "text/plain; charset=nope"),)]
)
answer = st.builds(
    Answer,
    body | cut | fixed,
    st.sampled_from([200, 200, 200, 204, 301, 404, 500]),
    kind | st.just(JSON),
)


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
        tables = {"graph": {"schema": ["schema.graphql"]}, "sources": {"b": {"dialect": dialect}}}
        async with GatewayClient(build_config(tables), base=tmp_path) as client:
            for given_answers in examples():
                answers.update(given_answers)
                result = await client.execute(QUERY)
                assert result.status == 200, given_answers
                assert set(result.data or ()) <= {"posts", "first"}, given_answers
                for error in result.errors:
                    assert error["path"], given_answers
                    assert error.get("extensions", {}).get("code") != "INTERNAL_SERVER_ERROR", (
                        given_answers,
                        error,
                    )


def examples() -> list[dict[str, Answer]]:
    """Hypothesis' answers, drawn before the event loop runs them."""
    found: list[dict[str, Answer]] = []
    rows = st.lists(st.just(ROW) | row, min_size=1, max_size=3).map(lambda v: Answer(v))

    @settings(
        max_examples=120,
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
