"""What a client can send wrong: a GraphQL body with errors, the right status, never a trace or a path."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.testing import GatewayClient

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", JSON, 400, "BAD_REQUEST"),
        (b"", JSON, 400, "BAD_REQUEST"),
        (b"[]", JSON, 400, "BAD_REQUEST"),
        (b"null", JSON, 400, "BAD_REQUEST"),
        (b"\xff\xfe", JSON, 400, "BAD_REQUEST"),
        (b"[" * 20_000, JSON, 400, "BAD_REQUEST"),
        (b"{}", JSON, 400, "BAD_REQUEST"),
        (b'{"query": 1}', JSON, 400, "BAD_REQUEST"),
        (b'{"query": "{ topics { id } }", "variables": []}', JSON, 400, "BAD_REQUEST"),
        (b'{"query": "{ topics { id } }", "variables": "{}"}', JSON, 400, "BAD_REQUEST"),
        (b'{"query": "{ topics { id } }", "operationName": 5}', JSON, 400, "BAD_REQUEST"),
        (b'{"query": "{ topics { id } }", "extensions": 5}', JSON, 400, "BAD_REQUEST"),
        (b'{"query": "{ topics { id } }"}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b'{"query": "{ topics { id } }"}', "application/json; charset=utf-16", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"query={topics{id}}", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b" " * 2_000_001, JSON, 413, "REQUEST_TOO_LARGE"),
    ],
)  # fmt: skip
async def test_what_is_no_request(
    client: GatewayClient, body: bytes, content_type: str, status: int, code: str
) -> None:
    response = await client.http.post(
        "/graphql", content=body, headers={"content-type": content_type}
    )
    assert response.status_code == status
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == code
    assert "data" not in response.json()


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name, found <EOF>."),
        ({"query": "{ nope }"}, "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nope' on type 'Query'."),
        ({"query": "query A { topics { id } } query B { topics { id } }"}, "OPERATION_RESOLUTION_FAILURE", "Must provide operation name"),
        ({"query": "query A { topics { id } }", "operationName": "C"}, "OPERATION_RESOLUTION_FAILURE", "Unknown operation named 'C'."),
        ({"query": "query ($id: ID!) { video(id: $id) { id } }"}, "BAD_USER_INPUT", "Variable '$id' has invalid value"),
        ({"query": "query ($n: Int) { videos(first: $n) { totalCount } }", "variables": {"n": "x"}}, "BAD_USER_INPUT", "Variable '$n'"),
    ],
)  # fmt: skip
async def test_what_cannot_be_executed(
    client: GatewayClient, accept: str, request_: dict[str, Any], code: str, words: str
) -> None:
    response = await client.http.post("/graphql", json=request_, headers={"accept": accept})
    assert response.status_code == (400 if accept == GRAPHQL else 200)
    assert response.headers["content-type"].startswith(accept)
    errors = response.json()["errors"]
    assert errors[0]["extensions"]["code"] == code
    assert words in errors[0]["message"]
    assert "data" not in response.json()
    assert "Traceback" not in response.text
    assert ".py" not in response.text


async def test_get_reads_and_refuses_mutations(client: GatewayClient) -> None:
    read = await client.http.get("/graphql", params={"query": "{ topics { id } }"})
    assert read.json()["data"]["topics"]
    mutation = 'mutation { addComment(input: {videoId: "v1", authorId: "u1", text: "x"}) { comment { id } } }'
    write = await client.http.get("/graphql", params={"query": mutation})
    assert write.status_code == 405
    assert write.headers["allow"] == "POST"
