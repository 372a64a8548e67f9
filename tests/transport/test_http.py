"""Methods, status codes, headers, compression and batches, over HTTP without a socket."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
from backports import zstd

from gateway.testing import GatewayClient
from tests.transport.conftest import configure

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
URL = "/graphql"
QUERY = {"query": "{ greeting }"}
MANY = {"query": "{ many(count: 200) }"}


def lines(project: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project / "access.log").read_text().splitlines()]


async def test_head_is_get_without_a_body(http_client: GatewayClient) -> None:
    params = {"query": "{ greeting }"}
    got = await http_client.http.get(URL, params=params)
    head = await http_client.http.head(URL, params=params)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(got.content))
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["vary"] == got.headers["vary"] == "accept"
    write = await http_client.http.head(URL, params={"query": 'mutation { rename(name: "x") }'})
    assert write.status_code == 405


async def test_options_says_what_is_allowed(http_client: GatewayClient) -> None:
    response = await http_client.http.options(URL)
    assert response.status_code == 204
    assert response.headers["allow"] == "GET, HEAD, POST, OPTIONS, PUT, DELETE"


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "BREW"])
async def test_other_methods_are_refused(http_client: GatewayClient, method: str) -> None:
    response = await http_client.http.request(method, URL, json=QUERY)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST, OPTIONS, PUT, DELETE"
    assert response.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL};charset=utf-8, {JSON};charset=utf-8", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON}", JSON),
        (f"{JSON};q=0, */*;q=0.1", GRAPHQL),
        ("application/*", GRAPHQL),
        ("text/html, */*;q=0.1", JSON),
        ("", JSON),
        ("text/html", None),
        (f"{GRAPHQL};charset=utf-16", None),
        (f"{JSON};q=0", None),
    ],
)
async def test_the_media_type_is_negotiated(
    http_client: GatewayClient, accept: str, kind: str | None
) -> None:
    response = await http_client.http.post(URL, json=QUERY, headers={"accept": accept})
    if kind is None:
        assert response.status_code == 406
        assert response.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"
    else:
        assert response.headers["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/json; charset=utf-16",  # CVE-2026-23897
        "application/json; charset=utf-7",
        "application/graphql",
        "",
    ],
)
async def test_other_content_types_are_refused(
    http_client: GatewayClient, content_type: str
) -> None:
    body = json.dumps(QUERY).encode()
    headers = {"content-type": content_type}
    response = await http_client.http.post(URL, content=body, headers=headers)
    assert response.status_code == 415
    got = await http_client.http.request("GET", URL, params=QUERY, headers=headers)
    assert got.status_code == 415, "GHSA-9q82-xgwf-vj6h"


@pytest.mark.parametrize(
    ("sent", "shipped", "draft"),
    [
        ({"query": "{ greeting }"}, 200, 200),
        ({"query": "{ greeting fails }"}, 200, 294),
        ({"query": "{ fails }"}, 200, 294),
        ({"query": "{"}, 400, 400),
        ({"query": "{ nope }"}, 400, 422),
        ({"query": "query A { greeting } query B { fails }"}, 400, 422),
        ({"query": "query ($c: Int!) { many(count: $c) }", "variables": {"c": "x"}}, 400, 422),
        ({"query": "{ greeting }", "variables": [7]}, 400, 422),
        ("NONSENSE", 400, 422),
    ],
)
@pytest.mark.parametrize("is_draft", [False, True])
async def test_the_draft_statuses_are_behind_a_switch(
    http_project: Path, sent: Any, shipped: int, draft: int, is_draft: bool
) -> None:
    config = configure(http_project, f"[http]\ndraft_statuses = {str(is_draft).lower()}\n")
    async with GatewayClient(config) as client:
        response = await client.http.post(URL, json=sent, headers={"accept": GRAPHQL})
        assert response.status_code == (draft if is_draft else shipped)
        old = await client.http.post(URL, json=sent, headers={"accept": JSON})
        assert old.status_code == (200 if "query" in sent and sent.get("variables") != [7] else 400)


async def test_errors_are_not_stored(http_client: GatewayClient) -> None:
    for query, is_stored in (("{ greeting }", True), ("{ fails }", False), ("{", False)):
        response = await http_client.http.get(URL, params={"query": query})
        assert response.headers.get("cache-control") == (
            "private, no-cache" if is_stored else "no-store"
        )
    refused = await http_client.http.patch(URL)
    assert refused.headers["cache-control"] == "no-store"


async def test_headers_are_limited(http_client: GatewayClient) -> None:
    response = await http_client.http.post(URL, json=QUERY, headers={"x-long": "x" * 20_000})
    assert response.status_code == 431
    assert response.json()["errors"][0]["extensions"]["code"] == "REQUEST_HEADERS_TOO_LARGE"
    long = await http_client.http.get(URL, params={"query": "#" * 20_000})
    assert long.status_code == 431


DECODERS = {
    "zstd": zstd.decompress,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


@pytest.mark.parametrize("encoding", DECODERS)
async def test_a_large_answer_is_compressed(http_client: GatewayClient, encoding: str) -> None:
    plain = await http_client.http.post(URL, json=MANY, headers={"accept-encoding": "identity"})
    headers = {"accept-encoding": encoding}
    async with http_client.http.stream("POST", URL, json=MANY, headers=headers) as response:
        raw = b"".join([piece async for piece in response.aiter_raw()])
    assert response.headers["content-encoding"] == encoding
    assert response.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert len(raw) == int(response.headers["content-length"]) < len(plain.content)
    assert DECODERS[encoding](raw) == plain.content
    small = await http_client.http.post(URL, json=QUERY, headers=headers)
    assert "content-encoding" not in small.headers


async def test_a_huge_answer_is_compressed_beside_the_loop(http_client: GatewayClient) -> None:
    query = {"query": "{ many(count: 20000) }"}
    response = await http_client.http.post(URL, json=query, headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert len(response.json()["data"]["many"]) == 20_000


BODY = json.dumps(QUERY).encode()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("br", brotli.compress(BODY)),
        ("zstd", zstd.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("gzip, identity", gzip.compress(BODY)),
        ("gzip", gzip.compress(BODY + b" " * 200_000)),
        ("gzip, br", brotli.compress(gzip.compress(BODY))),
        ("", BODY),
        ("identity", BODY),
    ],
)
async def test_a_compressed_request_is_read(
    http_client: GatewayClient, encoding: str, body: bytes
) -> None:
    headers = {"content-type": JSON, "content-encoding": encoding}
    response = await http_client.http.post(URL, content=body, headers=headers)
    assert response.json() == {"data": {"greeting": "Hello, you!"}}


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", gzip.compress(bytes(50_000_000)), 413),
        ("br", brotli.compress(bytes(50_000_000), quality=9), 413),
        ("zstd", zstd.compress(bytes(50_000_000)), 413),
        ("deflate", zlib.compress(bytes(50_000_000)), 413),
        (
            "gzip",
            gzip.compress(BODY + b" " * 1_000_000),
            413,
        ),  # within max_body_bytes: by its ratio
        ("gzip", gzip.compress(BODY)[:-9], 400),
        ("zstd", b"not zstd", 400),
        ("br", b"\xff" * 40, 400),
        ("gzip", gzip.compress(BODY) + b"\n", 400),
        ("gzip", gzip.compress(b"") * 90_000, 400),
        ("zstd", bytes.fromhex("502a4d1800000000") * 200_000, 400),
        ("gzip, gzip", gzip.compress(BODY), 400),
        ("compress", BODY, 415),
        ("gzip, compress", BODY, 415),
        ("none", BODY, 415),
        ("gzip, gzip, gzip, gzip, gzip", BODY, 415),
        ("aws-chunked", BODY, 415),
    ],
)
async def test_a_bad_compressed_request_is_refused(
    http_client: GatewayClient, encoding: str, body: bytes, status: int
) -> None:
    headers = {"content-type": JSON, "content-encoding": encoding}
    response = await http_client.http.post(URL, content=body, headers=headers)
    assert response.status_code == status
    read = response.headers.get("accept-encoding")
    assert read == ("zstd, br, gzip, deflate" if status == 415 else None)


async def test_compressed_requests_can_be_switched_off(http_project: Path) -> None:
    async with GatewayClient(
        configure(http_project, "[compression]\nrequests = false\n")
    ) as client:
        headers = {"content-type": JSON, "content-encoding": "gzip"}
        refused = await client.http.post(URL, content=gzip.compress(BODY), headers=headers)
        headers["content-encoding"] = "identity"
        plain = await client.http.post(URL, content=BODY, headers=headers)
    assert refused.status_code == 415
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"
    assert refused.headers["accept-encoding"] == "identity"  # RFC 9110 §12.5.3: nothing is decoded
    assert plain.json() == {"data": {"greeting": "Hello, you!"}}


BATCHING = "[batching]\nenabled = true\nmax_operations = 3\n"


async def test_a_batch_has_an_answer_and_a_line_for_each(http_project: Path) -> None:
    async with GatewayClient(configure(http_project, BATCHING)) as client:
        batch = [QUERY, {"query": "query Broken { fails }"}, {"query": "{ nope }"}]
        response = await client.http.post(URL, json=batch)
    first, second, third = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert first == {"data": {"greeting": "Hello, you!"}}
    assert second["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert third["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "data" not in third
    written = lines(http_project)
    assert len(written) == 3
    assert len({line["request_id"] for line in written}) == 1
    codes = sorted(line["error_codes"] for line in written)
    assert codes == [[], ["GRAPHQL_VALIDATION_FAILED"], ["INTERNAL_SERVER_ERROR"]]


async def test_a_batch_with_a_mutation_runs_in_order(http_project: Path) -> None:
    async with GatewayClient(configure(http_project, BATCHING)) as client:
        batch = [
            {"query": f'mutation {{ rename(name: "{name}") }}'} for name in ("one", "two", "three")
        ]
        response = await client.http.post(URL, json=batch)
    assert [item["data"]["rename"] for item in response.json()] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("tables", "sent", "code"),
    [
        ("", [QUERY], "BATCHING_NOT_ENABLED"),
        (BATCHING, [QUERY] * 4, "BATCH_LIMIT_EXCEEDED"),
        (BATCHING, [], "BAD_REQUEST"),
        (BATCHING, [QUERY, 1], "BAD_REQUEST"),
        (BATCHING, [QUERY, [QUERY]], "BAD_REQUEST"),
        (BATCHING, [QUERY, {"query": 1}], "BAD_REQUEST"),
    ],
)
async def test_a_batch_that_is_refused(
    http_project: Path, tables: str, sent: list[Any], code: str
) -> None:
    async with GatewayClient(configure(http_project, tables)) as client:
        response = await client.http.post(URL, json=sent)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == code


async def test_a_batch_is_for_post_only(http_project: Path) -> None:
    async with GatewayClient(configure(http_project, BATCHING)) as client:
        response: httpx.Response = await client.http.get(URL, params={"query": json.dumps([QUERY])})
    assert response.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
