"""What an answer says of its own freshness: to clients and CDNs, by all that it was made of."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app.config import build_config
from gateway.auth.api_keys import ApiKey, ApiKeys, digest_of_key, make_key, utc_now, write_api_keys
from gateway.connectors.response.passed_headers import aged
from gateway.testing import GatewayClient
from gateway.upstream.cache.outward import MOST_TAG_BYTES, packed_tags
from tests.support.backend import Answer, Asked, backend
from tests.upstream.cache.test_hints import SDL, of_path

QUERIES = {
    "user": 'query { user(id: "1") { name } }',
    "both": 'query { user(id: "1") { name } news { title } }',
    "me": "query { me { name } }",
    "typename": "query { __typename }",
}


@asynccontextmanager
async def served(
    folder: Path,
    control: str = "max-age=600",
    age: str = "0",
    status: int = 200,
    **more: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway whose answers say how fresh they are."""

    def answer(asked: Asked) -> Answer:
        made = of_path(asked, control)
        return Answer(made.body, status=status, headers=(*made.headers, ("age", age)))

    async with backend(answer) as origin:
        (folder / "s.graphql").write_text(SDL.replace("BASE", origin.url))
        config = build_config({
            "graph": {"schema": [str(folder / "s.graphql")]},
            "sources": {"s": {"cache": {"enabled": True}}},
            "response_cache": {"client_headers": True, "tag_header": "cache-tag"},
            "explain": {"plan_header": True, "trace_header": "always"},
            **more,
        })  # fmt: skip
        async with GatewayClient(config) as client:
            transport = httpx.ASGITransport(client.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
                yield http


async def get(http: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    given = {"apollo-require-preflight": "1", **headers}
    return await http.get("/graphql", params={"query": QUERIES[name]}, headers=given)


def seconds(answer: httpx.Response) -> int:
    """How long an answer is fresh from now on."""
    found = re.search(r"max-age=(\d+)", answer.headers["cache-control"])
    assert found
    return int(found[1]) - int(answer.headers.get("age", "0"))


async def test_an_answer_is_no_fresher_than_each_of_its_parts(tmp_path: Path) -> None:
    async with served(tmp_path, age="7") as http:
        user, both, again = [await get(http, name) for name in ("user", "both", "both")]
        assert 38 - 7 - 2 <= seconds(user) <= 40 - 7  # the schema says 40 for a user, 20 for news
        assert 18 - 7 - 2 <= seconds(both) <= 20 - 7
        assert user.headers["age"] >= "7"
        assert user.headers["cache-control"].startswith("public, ")
        assert user.headers["cache-status"] == "gateway; fwd=miss"
        assert both.headers["cache-status"] == "gateway; fwd=partial"
        assert re.fullmatch(r"gateway; hit; ttl=1\d", again.headers["cache-status"])


async def test_where_clients_have_views_an_answer_is_that_of_its_client_alone(
    tmp_path: Path,
) -> None:
    """Who comes without a key sees less: a cache in front must not give it what the key has shown."""
    text, id_ = make_key("gw", "live")
    key = ApiKey(id=id_, client="acme", digest=digest_of_key(text), created=utc_now())
    (tmp_path / "keys.json").write_bytes(write_api_keys(ApiKeys((key,))))
    more: dict[str, Any] = {
        "authentication": {"api_keys": {"file": str(tmp_path / "keys.json")}},
        "views": {"public": {"exclude_tags": ["internal"]}},
        "authorization": {"default_views": {"anonymous": "public"}},
        "quotas": {"policies": {"default": {"windows": [{"requests": 10, "seconds": 60}]}}},
    }
    async with served(tmp_path, **more) as http:
        known = await get(http, "user", **{"x-api-key": text})
        anonymous = await get(http, "user")
    assert known.headers["cache-control"].startswith("private")
    assert "ratelimit" in known.headers
    assert anonymous.headers["cache-control"].startswith("public, ")
    assert "ratelimit" not in anonymous.headers  # what is left of a quota is not for all


@pytest.mark.parametrize("header", ["x-gateway-plan", "x-gateway-trace"])
async def test_what_a_header_asked_for_is_for_no_other_client(tmp_path: Path, header: str) -> None:
    async with served(tmp_path) as http:
        assert (await get(http, "user")).headers["cache-control"].startswith("public, ")
        shown = await get(http, "user", **{header: "true"})
        assert shown.json()["extensions"]
        assert "private" in shown.headers["cache-control"]
        assert "public" not in shown.headers["cache-control"]


async def test_who_has_the_answer_is_told_so(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        first = await get(http, "user")
        etag = first.headers["etag"]
        again = await get(http, "user", **{"if-none-match": f'"other", {etag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert seconds(again) > 0
        other = await get(http, "user", **{"if-none-match": '"other"'})
        assert (other.status_code, other.content) == (200, first.content)


async def test_tags_go_to_the_cdn_the_coarsest_first(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        answer = await get(http, "user")
        assert answer.headers["cache-tag"] == "source:s,type:s:User,user-1,user-2"


@pytest.mark.parametrize(
    ("name", "control", "status", "said"),
    [
        ("user", "no-store", 200, "private, no-cache"),
        ("me", "max-age=600", 200, "private, no-cache"),  # of nobody nothing is kept
        ("user", "max-age=600", 500, "no-store"),
        ("typename", "", 200, "private, no-cache"),
    ],
)
async def test_what_is_not_known_to_be_fresh_is_for_no_cache(
    tmp_path: Path, name: str, control: str, status: int, said: str
) -> None:
    async with served(tmp_path, control, status=status) as http:
        answer = await get(http, name)
        assert answer.headers["cache-control"] == said
        assert "etag" not in answer.headers


async def test_a_post_is_told_only_what_has_become_of_it(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        answer = await http.post("/graphql", json={"query": QUERIES["user"]})
        assert answer.headers["cache-status"] == "gateway; fwd=miss"
        assert not {"cache-control", "age", "etag"} & set(answer.headers)


@pytest.mark.parametrize(
    ("name", "control", "status", "why"),
    [
        ("user", "no-store", 200, "s: no-store"),
        ("user", "", 200, "s: it says no lifetime"),
        ("user", "no-cache", 200, "s: no-cache without a validator"),
        ("me", "max-age=600", 200, "s: private"),
        ("both", "private", 200, "s: private"),
    ],
)
async def test_one_header_says_why_an_answer_is_not_kept(
    tmp_path: Path, name: str, control: str, status: int, why: str
) -> None:
    async with served(tmp_path, control, status=status) as http:
        answer = await get(http, name)
        assert answer.headers["cache-status"] == f'gateway; fwd=miss; detail="{why}"'


@pytest.mark.parametrize(
    ("text", "age", "left"),
    [
        ("max-age=60", 20, "max-age=40"),
        ('public, s-maxage="30", max-age=10', 20, "public, s-maxage=10, max-age=0"),
        ("no-cache", 20, "no-cache"),
    ],
)
def test_a_lifetime_that_is_passed_on_is_what_is_left_of_it(text: str, age: int, left: str) -> None:
    assert aged(text, age) == left


def test_tags_that_do_not_fit_are_left_out() -> None:
    tags: list[Any] = [f"tag s {'x' * 100}{number}" for number in range(1000)]
    packed = packed_tags([*tags, "source s", "url http://s/", "tag s ü"], ",")
    assert packed.startswith("source:s,xxx")
    assert len(packed) <= MOST_TAG_BYTES
