"""The demo through the whole gateway: what is joined, from how many calls, and what is left when a backend dies."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from demo.backends import Backends
from gateway.execute.operation import fallbacks
from gateway.testing import GatewayClient

ROOT = Path(__file__).resolve().parent.parent.parent
JOINED = """
{ videos(first: 50) { edges { node {
  id title channel { name verified } stats { views } topic { name }
} } } }
"""


@pytest.fixture(autouse=True)
def _no_fallback() -> Any:
    before = dict(fallbacks)
    yield
    assert dict(fallbacks) == before, "an operation did not run on its compiled plan"


async def test_one_call_to_each_endpoint(client: GatewayClient, backends: Backends) -> None:
    result = await client.execute(JOINED)
    assert result.errors == []
    nodes = [edge["node"] for edge in result.data["videos"]["edges"]]
    assert len(nodes) == 50
    assert all(
        isinstance(node["channel"]["verified"], bool)
        and isinstance(node["stats"]["views"], int)
        and node["topic"]["name"]
        for node in nodes
    )
    assert backends.stats("catalog") == {"GET /topics?ids": 1, "GET /videos": 1}
    assert backends.stats("monolith") == {"GET /channels?ids": 1, "GET /video_stats?ids": 1}


async def test_search_completes_each_member_type_in_one_batch(
    client: GatewayClient, backends: Backends
) -> None:
    result = await client.execute(
        """
        query Find($text: String!) { search(query: $text, first: 30) { edges { node {
          __typename
          ... on Video { title channel { name } }
          ... on Channel { name verified }
          ... on Collection { title }
        } } } }
        """,
        {"text": "music"},
    )
    assert result.errors == []
    kinds = {edge["node"]["__typename"] for edge in result.data["search"]["edges"]}
    assert kinds == {"Video", "Channel", "Collection"}
    assert backends.stats("search") == {"GET /search": 1}
    catalog = backends.stats("catalog")
    assert catalog["GET /videos?ids"] == 1
    assert catalog["GET /collections?ids"] == 1
    # One batch for the channels that were found, one a level below for those of the videos.
    assert backends.stats("monolith") == {"GET /channels?ids": 2}


@pytest.mark.parametrize("prefix", ["v", "c", "k"])
async def test_node_by_global_id(client: GatewayClient, prefix: str) -> None:
    result = await client.execute(
        "query ($id: ID!) { node(id: $id) { __typename id ... on Video { title } "
        "... on Channel { name } ... on Collection { title } } }",
        {"id": f"{prefix}1"},
    )
    assert result.errors == []
    assert result.data["node"]["id"] == f"{prefix}1"


async def test_what_does_not_exist_is_null(client: GatewayClient) -> None:
    result = await client.execute(
        '{ video(id: "v999999") { title } channel(id: "c999999") { name } }'
    )
    assert result.data == {"video": None, "channel": None}
    assert result.errors == []


async def test_a_connection_goes_on_at_its_cursor(client: GatewayClient) -> None:
    query = "query ($after: String) { videos(first: 3, after: $after) { edges { node { id } } pageInfo { endCursor hasNextPage } } }"
    first = await client.execute(query)
    cursor = first.data["videos"]["pageInfo"]["endCursor"]
    second = await client.execute(query, {"after": cursor})
    ids = [edge["node"]["id"] for page in (first, second) for edge in page.data["videos"]["edges"]]
    assert ids == [f"v{number}" for number in range(1, 7)]


async def test_lists_below_lists_are_batched(client: GatewayClient, backends: Backends) -> None:
    result = await client.execute(
        """
        { videos(first: 20) { edges { node {
          comments(first: 2) { edges { node { text author { name } } } }
          channel { videos(first: 2) { edges { node { title } } } }
        } } } }
        """
    )
    assert result.errors == []
    catalog = backends.stats("catalog")
    assert catalog["GET /comments?video_ids"] == 1
    assert catalog["GET /videos?channel_ids"] == 1


async def test_mutations_by_json_and_by_form(client: GatewayClient) -> None:
    result = await client.execute(
        """
        mutation {
          addComment(input: {videoId: "v1", authorId: "u1", text: "Grüße & <b>"}) {
            comment { text author { name } video { title } }
          }
          followChannel(input: {channelId: "c1", userId: "u1"}) { following subscribers channel { name } }
        }
        """
    )
    assert result.errors == []
    assert result.data["addComment"]["comment"]["text"] == "Grüße & <b>"
    assert result.data["followChannel"]["following"] is True
    assert isinstance(result.data["followChannel"]["subscribers"], int)


async def test_an_error_in_a_200_of_php_is_an_error(client: GatewayClient) -> None:
    result = await client.execute(
        'mutation { followChannel(input: {channelId: "c99999", userId: "u1"}) { following } }'
    )
    assert result.data is None
    (error,) = result.errors
    assert error["path"] == ["followChannel"]
    assert error["extensions"]["source"] == "monolith"
    assert error["message"] not in ("", "Request failed")


async def test_range_refuses_a_page_that_is_too_large(
    client: GatewayClient, backends: Backends
) -> None:
    result = await client.execute(
        "query ($n: Int) { videos(first: $n) { totalCount } }", {"n": 101}
    )
    (error,) = result.errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "must be at most 100" in error["message"]
    assert backends.stats("catalog") == {}


async def test_a_null_where_none_may_be_is_graphqls_own_error(client: GatewayClient) -> None:
    result = await client.execute('{ node(id: "v999999") { ... on Video { title } } }')
    assert result.data == {"node": None}
    (error,) = result.errors
    assert error["message"] == "Cannot return null for non-nullable field Video.title."
    assert error["extensions"] == {"code": "RESULT_COERCION_FAILED"}


async def test_php_down_leaves_the_rest_intact_and_heals(
    client: GatewayClient, backends: Backends
) -> None:
    backends.stop("monolith")
    try:
        down = await client.execute(JOINED)
    finally:
        backends.start("monolith")
    nodes = [edge["node"] for edge in down.data["videos"]["edges"]]
    assert all(node["title"] and node["topic"]["name"] for node in nodes)
    assert all(node["stats"] is None for node in nodes)
    codes = {(e["extensions"]["code"], e["extensions"]["source"]) for e in down.errors}
    assert codes == {("HTTP_CLIENT_ERROR", "monolith")}
    assert {e["message"] for e in down.errors} == {"The source could not be reached."}
    healed = await client.execute(JOINED)
    assert healed.errors == []
    assert all(edge["node"]["stats"] for edge in healed.data["videos"]["edges"])


async def test_introspection_shows_no_binding(client: GatewayClient) -> None:
    result = await client.execute(
        "{ __schema { queryType { name } directives { name } types { name } } }"
    )
    assert result.errors == []
    names = {
        item["name"] for kind in ("directives", "types") for item in result.data["__schema"][kind]
    }
    assert not names & {"connect", "source", "link", "JSONSelection", "ConnectHTTP", "key", "range"}
    assert {"Video", "Node", "deprecated"} <= names


async def test_the_readmes_first_query_answers_as_printed(client: GatewayClient) -> None:
    section = (ROOT / "README.md").read_text().partition("## A first query")[2]
    (query, answer) = re.findall(r"```(?:graphql|json)\n(.*?)```", section, re.DOTALL)[:2]
    result = await client.execute(query)
    assert result.data == json.loads(answer)["data"]


async def test_literals_share_a_plan_and_keep_their_own_places(client: GatewayClient) -> None:
    first = await client.execute('{ video(id: "v1") { id } }')
    other = await client.execute('{ video(id: "v2000") { id channel { name } } }')
    same = await client.execute('{ video(id: "v22") { id } }')
    assert (first.data, same.data) == ({"video": {"id": "v1"}}, {"video": {"id": "v22"}})
    assert other.data["video"]["channel"]["name"]
    long = await client.execute("query { videos(first: 1000000) { totalCount } }")
    short = await client.execute("query { videos(first: 999) { totalCount } }")
    assert "got 1000000" in long.errors[0]["message"]
    assert "got 999" in short.errors[0]["message"]
    assert short.errors[0]["locations"] == [{"line": 1, "column": 9}]
