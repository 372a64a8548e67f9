"""The demo's resolvers as the functions they are, over the real backends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from demo.backends import Backends
from gateway import ClientError
from gateway.context import Loaders
from resolvers.fields import Duration, Upper, fingerprint, url
from resolvers.lifecycle import begin
from resolvers.lists import channel_videos, comments
from resolvers.node import node, search_result
from resolvers.search import related, search


@pytest_asyncio.fixture
async def context(backends: Backends) -> AsyncIterator[Any]:
    async with httpx.AsyncClient() as client:
        made: Any = SimpleNamespace(
            http=client,
            loaders=Loaders(),
            source_url=backends.urls.__getitem__,
            config={"watch_url": "https://videos.example/watch"},
            headers={},
        )
        made.state = begin(made)
        yield made


async def test_comments_in_one_call(context: Any, backends: Backends) -> None:
    backends.reset_stats()
    first, none = await comments([{"id": "v1"}, {"id": "v9"}], context, first=2)
    assert len(first["edges"]) == 2
    assert first["pageInfo"]["hasNextPage"] is True
    assert none["edges"] == []
    after = first["pageInfo"]["endCursor"]
    (rest,) = await comments([{"id": "v1"}], context, first=2, after=after)
    assert rest["edges"][0]["node"]["id"] != first["edges"][1]["node"]["id"]
    assert backends.stats("catalog") == {"GET /comments?video_ids": 2}


async def test_a_bad_cursor_is_the_clients_error(context: Any) -> None:
    with pytest.raises(ClientError, match="after is not a cursor"):
        await comments([{"id": "v1"}], context, after="?")


async def test_channel_videos(context: Any) -> None:
    pages = await channel_videos([{"id": "c2"}, {"id": "c1"}], context, first=1)
    channels = [page["edges"][0]["node"]["channel"]["id"] for page in pages]
    assert channels == ["c2", "c1"]


async def test_search(context: Any) -> None:
    page = await search(None, context, "music", first=9)
    kinds = {search_result(edge["node"], context) for edge in page["edges"]}
    assert kinds == {"Video", "Channel", "Collection"}
    after = page["pageInfo"]["endCursor"]
    rest = await search(None, context, "music", first=1, after=after)
    assert rest["pageInfo"]["hasPreviousPage"] is True


async def test_related_shares_a_call(context: Any, backends: Backends) -> None:
    backends.reset_stats()
    found = await asyncio.gather(*(related({"id": id_}, context) for id_ in ("v1", "v2", "v1")))
    assert [len(videos) for videos in found] == [5, 5, 5]
    assert backends.stats("search") == {"GET /related?ids": 1}


@pytest.mark.parametrize(
    ("id_", "name"), [("v1", "Video"), ("c2", "Channel"), ("k3", "Collection"), ("u9", "User")]
)
def test_node(context: Any, id_: str, name: str) -> None:
    assert node(None, context, id_) == {"__typename": name, "id": id_}


@pytest.mark.parametrize("id_", ["", "v", "x1", "v1x", "v²", "1"])
def test_no_node(context: Any, id_: str) -> None:
    with pytest.raises(ClientError, match="is not an id"):
        node(None, context, id_)


def test_plain_fields(context: Any) -> None:
    assert url({"id": "v1"}, context) == "https://videos.example/watch/v1"
    assert fingerprint({"id": "v1"}, context) != fingerprint({"id": "v2"}, context)
    assert Upper().result("straße", context) == "STRASSE"
    assert Upper().result(None, context) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "PT0S"), (59, "PT59S"), (3600, "PT1H"), (3723, "PT1H2M3S")]
)
def test_duration(seconds: int, text: str) -> None:
    assert Duration.serialize(seconds) == text


@pytest.mark.parametrize("value", [-1, True, "5", None, 1.5])
def test_no_duration(value: Any) -> None:
    with pytest.raises(ValueError, match="Duration cannot represent"):
        Duration.serialize(value)
