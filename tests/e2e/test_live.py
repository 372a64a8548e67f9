"""The demo's subscriptions over its real backends."""

from __future__ import annotations

from pathlib import Path

from demo.backends import Backends
from gateway.testing import GatewayClient
from tests.transport.served import served
from tests.transport.sockets import connected

ROOT = Path(__file__).resolve().parent.parent.parent
ADDED = """
subscription ($video: ID!) { commentAdded(videoId: $video) {
  text author { name } video { title channel { name } }
} }
"""
ADD = """
mutation ($text: String!) {
  addComment(input: {videoId: "v1", authorId: "u1", text: $text}) {
    comment { text author { name } }
  }
}
"""


async def test_a_comment_reaches_who_watches_its_video(backends: Backends) -> None:
    app = GatewayClient(ROOT / "gateway.toml", sources=backends.urls).app
    async with (
        served(app) as server,
        connected(server) as ada,
        connected(server, headers={"x-demo-user": "u5"}) as bob,
        connected(server) as other,
        connected(server) as writer,
    ):
        for client, video in ((ada, "v1"), (bob, "v1"), (other, "v2")):
            await client.subscribe(ADDED, variables={"video": video})
            await client.send(type="ping")
            assert await client.hear() == {"type": "pong"}
        backends.reset_stats()
        await writer.subscribe(ADD, variables={"text": "first"})
        added = (await writer.hear())["payload"]["data"]["addComment"]["comment"]
        heard = (await ada.hear())["payload"]["data"]["commentAdded"]
        assert (heard["text"], heard["author"]) == ("first", added["author"])
        assert heard["video"]["channel"]["name"]
        # One execution for both, who differ in nothing that is read.
        assert (await bob.hear())["payload"]["data"]["commentAdded"] == heard
        assert backends.stats("catalog")["GET /videos?ids"] == 1
        await other.send(type="ping")
        assert await other.hear() == {"type": "pong"}


async def test_the_number_of_viewers(backends: Backends) -> None:
    query = 'subscription { viewerCount(videoId: "v1") }'
    app = GatewayClient(ROOT / "gateway.toml", sources=backends.urls).app
    async with served(app) as server, connected(server) as first:
        await first.subscribe(query)
        assert (await first.hear())["payload"] == {"data": {"viewerCount": 1}}
        async with connected(server) as second:
            await second.subscribe(query)
            assert (await second.hear())["payload"] == {"data": {"viewerCount": 2}}
            assert (await first.hear())["payload"] == {"data": {"viewerCount": 2}}
        assert (await first.hear())["payload"] == {"data": {"viewerCount": 1}}
