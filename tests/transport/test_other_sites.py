"""CSRF and CORS: what a page of another site may make a browser do, and what it may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.config import load_config
from gateway.errors import ConfigError
from gateway.testing import GatewayClient
from tests.transport.conftest import configure

URL = "/graphql"
QUERY = {"query": "{ greeting }"}
APP = "https://app.example"
POLICIES = """
[[cors.policies]]
origins = ["https://app.example"]
allow_credentials = true
max_age_s = 600
expose_headers = ["x-request-id"]

[[cors.policies]]
match_origins = ['https://[a-z]+[.]preview[.]example']
allow_headers = ["content-type"]
methods = ["POST"]
"""
STRICT = '[csrf]\nget = "require_header"\n'


@pytest.mark.parametrize(
    ("tables", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"sec-fetch-site": "none"}, 200),
        ("", {"sec-fetch-site": "same-origin"}, 200),
        ("", {"sec-fetch-site": "cross-site"}, 400),
        ("", {"sec-fetch-site": "same-site"}, 400),
        ("", {"sec-fetch-site": "cross-site", "origin": APP}, 400),
        ("", {"sec-fetch-site": "cross-site", "apollo-require-preflight": "true"}, 200),
        ("", {"sec-fetch-site": "cross-site", "x-apollo-operation-name": "A"}, 200),
        (POLICIES, {"sec-fetch-site": "cross-site", "origin": APP}, 200),
        (POLICIES, {"sec-fetch-site": "same-site", "origin": "https://a.preview.example"}, 200),
        (POLICIES, {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 400),
        (POLICIES, {"sec-fetch-site": "cross-site"}, 400),
        (STRICT, {}, 400),
        (STRICT, {"sec-fetch-site": "same-origin"}, 400),
        (STRICT, {"x-apollo-operation-name": "A"}, 200),
        ('[csrf]\nrequired_headers = ["X-Own"]\n' , {"sec-fetch-site": "cross-site", "x-own": "1"}, 200),
        ("[csrf]\nenabled = false\n", {"sec-fetch-site": "cross-site"}, 200),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_that_another_site_may_have_asked_for(
    http_project: Path, tables: str, headers: dict[str, str], status: int, method: str
) -> None:
    async with GatewayClient(configure(http_project, tables)) as client:
        response = await client.http.request(method, URL, params=QUERY, headers=headers)
    assert response.status_code == status
    if status == 400 and method == "GET":
        assert response.json()["errors"][0]["extensions"]["code"] == "CSRF_ERROR"


async def test_a_json_post_needs_no_header(http_client: GatewayClient) -> None:
    response = await http_client.http.post(
        URL, json=QUERY, headers={"sec-fetch-site": "cross-site"}
    )
    assert response.status_code == 200


def preflight(origin: str, method: str = "POST", headers: str = "content-type") -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
    }


async def test_a_preflight_request(http_project: Path) -> None:
    async with GatewayClient(configure(http_project, POLICIES)) as client:
        asked = await client.http.options(URL, headers=preflight(APP, headers="content-type, x-a"))
        matched = await client.http.options(URL, headers=preflight("https://a.preview.example"))
        strange = await client.http.options(URL, headers=preflight("https://evil.example"))
    assert asked.status_code == matched.status_code == strange.status_code == 204
    assert asked.headers["access-control-allow-origin"] == APP
    assert asked.headers["access-control-allow-credentials"] == "true"
    assert asked.headers["access-control-allow-headers"] == "content-type, x-a"
    assert asked.headers["access-control-allow-methods"] == "GET, POST"
    assert asked.headers["access-control-max-age"] == "600"
    assert matched.headers["access-control-allow-headers"] == "content-type"
    assert matched.headers["access-control-allow-methods"] == "POST"
    assert "access-control-allow-credentials" not in matched.headers
    for response in (asked, matched, strange):
        assert response.headers.get_list("vary") == [
            "origin, access-control-request-method, access-control-request-headers"
        ]
    assert not [name for name in strange.headers if name.startswith("access-control")]


async def test_an_answer_says_which_page_may_read_it(http_project: Path) -> None:
    async with GatewayClient(configure(http_project, POLICIES)) as client:
        allowed = await client.http.post(URL, json=QUERY, headers={"origin": APP})
        refused = await client.http.patch(URL, headers={"origin": APP})
        strange = await client.http.post(
            URL, json=QUERY, headers={"origin": "https://evil.example"}
        )
        alone = await client.http.post(URL, json=QUERY)
    for response in (allowed, refused):
        assert response.headers["access-control-allow-origin"] == APP
        assert response.headers["access-control-expose-headers"] == "x-request-id"
    for response in (allowed, strange, alone):
        assert response.headers.get_list("vary") == ["origin"]
    for response in (strange, alone):
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:8443",
        "null",
        "https://a.preview.example.evil.example",
        "https://a-preview-example",
        "https://evil.example/https://a.preview.example",
    ],
)
async def test_an_origin_that_only_looks_like_one(http_project: Path, origin: str) -> None:
    async with GatewayClient(configure(http_project, POLICIES)) as client:
        response = await client.http.post(URL, json=QUERY, headers={"origin": origin})
    assert "access-control-allow-origin" not in response.headers


async def test_without_policies_nothing_is_said(http_client: GatewayClient) -> None:
    response = await http_client.http.post(URL, json=QUERY, headers={"origin": APP})
    asked = await http_client.http.options(URL, headers=preflight(APP))
    for headers in (response.headers, asked.headers):
        assert not [name for name in headers if name.startswith("access-control")]
    assert "vary" not in response.headers


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("max_age_s = 1", "needs `origins` or `match_origins`"),
        ('origins = ["*"]\nallow_credentials = true', "every site the user's cookies"),
        ('origins = ["https://app.example/"]', "without a path"),
        ('origins = ["app.example"]', "without a path"),
        ('match_origins = ["("]', "is no regular expression"),
    ],
)
def test_a_policy_that_cannot_be_meant(http_project: Path, policy: str, words: str) -> None:
    path = configure(http_project, f"[[cors.policies]]\n{policy}\n")
    with pytest.raises(ConfigError, match=r"cors\.policies") as error:
        load_config(path)
    assert words in str(error.value)
