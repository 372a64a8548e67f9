"""Fields with arguments below lists: one call for all parents of a level, by the catalogue's batch endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway import Context, batch_resolver
from resolvers.pages import connection, refuse, window


@batch_resolver("Video.comments", vary=())
async def comments(
    parents: Sequence[Any],
    context: Context,
    *,
    first: int | None = 10,
    after: str | None = None,
) -> list[dict[str, Any]]:
    """The first comments of each video."""
    asked = window(first, after, "per_video")
    asked["video_ids"] = ",".join(parent["id"] for parent in parents)
    answer = await context.http.get(f"{context.source_url('catalog')}/comments", params=asked)
    refuse(answer)
    pages = answer.json()["by_video"]
    return [connection(pages[parent["id"]], comment_node) for parent in parents]


@batch_resolver("Channel.videos", vary=())
async def channel_videos(
    parents: Sequence[Any],
    context: Context,
    *,
    first: int | None = 10,
    after: str | None = None,
) -> list[dict[str, Any]]:
    """The first videos of each channel."""
    asked = window(first, after, "per_channel")
    asked["channel_ids"] = ",".join(parent["id"] for parent in parents)
    answer = await context.http.get(f"{context.source_url('catalog')}/videos", params=asked)
    refuse(answer)
    pages = answer.json()["by_channel"]
    return [connection(pages[parent["id"]], video_node) for parent in parents]


def comment_node(item: Mapping[str, Any]) -> dict[str, Any]:
    """A comment of the catalogue as GraphQL names it."""
    return {
        "id": item["id"],
        "text": item["text"],
        "createdAt": item["created_at"],
        "author": {"id": item["author_id"]},
        "video": {"id": item["video_id"]},
    }


def video_node(item: Mapping[str, Any]) -> dict[str, Any]:
    """A video of the catalogue as GraphQL names it; its statistics are the monolith's."""
    return {
        "id": item["id"],
        "title": item["title"],
        "description": item["description"],
        "durationSeconds": item["duration_s"],
        "duration": item["duration_s"],
        "createdAt": item["created_at"],
        "topic": {"id": item["topic_id"]},
        "channel": {"id": item["channel_id"]},
    }
