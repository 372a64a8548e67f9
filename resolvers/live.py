"""Subscriptions: one that listens to a topic, one with a stream of its own, and who publishes."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from gateway import Context, on_startup, schema_directive, subscription


@schema_directive("announced", vary=())
class Announced:
    """`@announced`: the new comment goes to the subscribers of its video, in whichever worker they are."""

    async def resolve(
        self,
        next: Callable[..., Awaitable[Any]],  # noqa: A002 - the façade's name
        parent: Any,
        context: Context,
        **arguments: Any,
    ) -> Any:
        """The mutation's own answer, when its comment is on its way."""
        payload = await next(parent, context, **arguments)
        comment = payload["comment"]
        if comment is not None:
            await context.pubsub.publish(f"comments.{comment['video']['id']}", comment)
        return payload


@subscription("Subscription.commentAdded", topic="comments.{videoId}", vary=())
def comment_added(comment: dict[str, Any], _context: Context, **_arguments: Any) -> dict[str, Any]:
    """What was published is a comment; author and video are completed by their types' connectors."""
    return comment


class Viewers:
    """Who watches which video: in this worker, and by what the others say, in those."""

    def __init__(self) -> None:
        self.worker = secrets.token_hex(4)
        self.here: dict[str, list[object]] = defaultdict(list)
        self.elsewhere: dict[str, dict[str, int]] = defaultdict(dict)

    def count(self, video_id: str) -> int:
        """All of them."""
        return len(self.here[video_id]) + sum(self.elsewhere[video_id].values())

    async def tell(self, context: Context, video_id: str, *, asks: bool = False) -> None:
        """Tell the other workers how many there are here, and ask them for theirs."""
        said = {"worker": self.worker, "count": len(self.here[video_id]), "asks": asks}
        await context.pubsub.publish(f"viewers.{video_id}", said)


@on_startup
def begin(_state: dict[str, Any]) -> dict[str, Any]:
    """Once per worker."""
    return {"viewers": Viewers()}


@subscription("Subscription.viewerCount", names={"videoId": "video_id"}, vary=())
async def viewer_count(_root: Any, context: Context, *, video_id: str) -> AsyncIterator[int]:
    """The number of those who listen to this very stream: hence one stream for each."""
    viewers: Viewers = context.state["viewers"]
    me = object()
    viewers.here[video_id].append(me)
    last = None
    try:
        async with aclosing(context.pubsub.subscribe(f"viewers.{video_id}")) as news:
            await viewers.tell(context, video_id, asks=len(viewers.here[video_id]) == 1)
            async for said in news:
                if said["worker"] != viewers.worker:
                    viewers.elsewhere[video_id][said["worker"]] = said["count"]
                    if said["asks"] and viewers.here[video_id][0] is me:
                        await viewers.tell(context, video_id)
                count = viewers.count(video_id)
                if count != last:
                    last = count
                    yield count
    finally:
        viewers.here[video_id].remove(me)
        await viewers.tell(context, video_id)
