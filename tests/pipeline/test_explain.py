"""`x-gateway-trace`: who may see the timings of a request, and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.pipeline.explain import Explain, ExplainSettings, signed
from gateway.telemetry.report import covered
from gateway.testing import GatewayClient
from tests.support.backend import Answer, Asked, backend

SECRET = "0123456789abcdef"
ENV = {"GATEWAY_TRACE_SECRET": SECRET}
SCHEMA = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "api", http: { baseURL: "http://backend" })

type Query {
  posts: [Post!] @connect(source: "api", http: { GET: "/posts" }, selection: "id title author: { id: userId }")
}

type Post { id: ID! title: String loud: String author: User! }

type User @connect(source: "api", http: { GET: "/users?ids={$batch.id->joinNotNull(',')}" }, selection: "id name") {
  id: ID!
  name: String
}
"""
RESOLVERS = """
from gateway import resolver


@resolver("Post.loud", vary=[])
def loud(post, context):
    return post["title"].upper()
"""
POSTS = [{"id": n, "title": f"t{n}", "userId": 1 + n % 2} for n in range(6)]
USERS = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Alan"}]
QUERY = "{ posts { title loud author { name } } }"


def answer(asked: Asked) -> Answer:
    return Answer(POSTS if asked.target == "/posts" else USERS)


def project(folder: Path, explain: str = "") -> Path:
    (folder / "s.graphql").write_text(SCHEMA)
    (folder / "loud_resolvers.py").write_text(RESOLVERS)
    (folder / "gateway.toml").write_text(
        '[graph]\nschema = ["s.graphql"]\nresolvers = "loud_resolvers"\n'
        f'[logs]\naccess = "off"\n[explain]\n{explain}'
    )
    return folder / "gateway.toml"


async def ask(path: Path, header: str | None) -> dict[str, Any]:
    headers = {"x-gateway-trace": header} if header is not None else {}
    async with (
        backend(answer) as behind,
        GatewayClient(path, sources={"api": behind.url}, env=ENV) as client,
    ):
        result = await client.execute(QUERY, headers=headers)
    assert result.errors == []
    assert result.data["posts"][1] == {"title": "t1", "loud": "T1", "author": {"name": "Alan"}}
    return result.extensions


@pytest.mark.parametrize(
    ("explain", "header"),
    [
        ("", "true"),
        ('trace_header = "never"', "true"),
        ('trace_header = "always"', None),
        ('trace_header = "always"', "false"),
        ('trace_header = "signed"', "true"),
    ],
)
async def test_timings_are_shown_to_nobody_else(
    tmp_path: Path, explain: str, header: str | None
) -> None:
    assert await ask(project(tmp_path, explain), header) == {}


async def test_each_step_and_call_with_its_parent_and_its_counts(tmp_path: Path) -> None:
    extensions = await ask(project(tmp_path, 'trace_header = "always"'), "true")
    trace = extensions["trace"]
    assert (trace["version"], len(trace["traceId"])) == (1, 32)
    spans = trace["spans"]
    by_name = {span["name"]: span for span in spans}
    assert [span["id"] for span in spans] == list(range(len(spans)))
    root = spans[0]
    assert (root["name"], root["kind"], root["parent"]) == ("graphql.query", "request", None)
    assert {"parse", "validate", "plan", "shape", "encode"} <= set(by_name)

    posts, users, loud = by_name["Query.posts"], by_name["User.name"], by_name["Post.loud"]
    assert posts["kind"] == users["kind"] == loud["kind"] == "step"
    assert posts["attributes"]["graphql.parents"] == 1
    assert users["attributes"]["graphql.field.path"] == "posts.author.name"
    assert users["attributes"]["graphql.parents"] == 6
    assert users["attributes"]["graphql.keys"] == users["attributes"]["graphql.batch_size"] == 2
    assert loud["attributes"]["graphql.calls"] == 6

    calls = [span for span in spans if span["kind"] == "call"]
    assert [call["parent"] for call in calls] == [posts["id"], users["id"]]
    assert all(call["attributes"]["http.response.status_code"] == 200 for call in calls)
    assert all(call["attributes"]["http.response.body.size"] > 0 for call in calls)
    for span in spans[1:]:
        above = spans[span["parent"]]
        assert above["start"] <= span["start"]
        assert span["start"] + span["duration"] <= above["start"] + above["duration"]
    for span in spans:
        below = [child for child in spans if child["parent"] == span["id"]]
        assert span["self"] == span["duration"] - covered(below)
    assert posts["self"] + calls[0]["duration"] == posts["duration"]
    assert trace["plan"]["plan_cache"] == "miss"
    assert "posts: [Post!]" in trace["plan"]["text"]


async def test_it_needs_no_telemetry(tmp_path: Path) -> None:
    path = project(tmp_path, 'trace_header = "always"\n[telemetry]\nenabled = false\n')
    assert len((await ask(path, "true"))["trace"]["spans"]) > 5


async def test_who_asks_for_timings_shares_no_execution(tmp_path: Path) -> None:
    path = project(tmp_path, 'trace_header = "always"')
    async with (
        backend(answer) as behind,
        GatewayClient(path, sources={"api": behind.url}) as client,
    ):
        sharing = client.app.worker.serving().pipeline.sharing
        await client.execute("{ posts { title } }", headers={"x-gateway-trace": "true"})
        assert sharing.led == 0
        await client.execute("{ posts { title } }")
        assert sharing.led == 1


class TestSignatures:
    def explain(self, now: float) -> Explain:
        return Explain(ExplainSettings(trace_header="signed"), ENV, lambda: now)

    def asks(self, value: str, now: float = 1000) -> bool:
        return self.explain(now).asks_trace({"x-gateway-trace": value})

    def test_one_of_the_last_minute_is_taken(self) -> None:
        assert self.asks(signed(SECRET, 1000))
        assert self.asks(signed(SECRET, 941))

    @pytest.mark.parametrize(
        "value",
        [
            signed(SECRET, 939),
            signed(SECRET, 1061),
            signed("another secret!!", 1000),
            signed(SECRET, 1000)[:-1],
            signed(SECRET, 1000).upper(),
            f"1001.{signed(SECRET, 1000).partition('.')[2]}",
            "1000.",
            "",
            "true",
            "-1.x",
            "١٠٠٠.x",
            "9" * 5000 + ".x",
            "1000.\xff",
        ],
    )
    def test_no_other_is(self, value: str) -> None:
        assert not self.asks(value)

    @pytest.mark.parametrize("env", [{}, {"GATEWAY_TRACE_SECRET": "short"}])
    def test_there_must_be_a_secret(self, env: dict[str, str]) -> None:
        with pytest.raises(ConfigError, match="GATEWAY_TRACE_SECRET holds no secret of 16") as hit:
            Explain(ExplainSettings(trace_header="signed"), env)
        assert hit.value.key == "explain.trace_header"


def test_time_that_spans_cover_is_counted_once() -> None:
    spans = [{"start": s, "duration": d} for s, d in [(0, 10), (5, 10), (30, 5), (31, 1)]]
    assert covered(spans) == 20
