"""Search: ids, scores and highlights of the search service; what they name, the types' connectors fetch."""

from __future__ import annotations

from typing import Any

from gateway import Context, resolver
from resolvers.pages import page_info, refuse


@resolver("Query.search", vary=())
async def search(
    _parent: Any,
    context: Context,
    query: str,
    first: int | None = 10,
    after: str | None = None,
) -> dict[str, Any]:
    """One page of hits."""
    asked: dict[str, Any] = {"q": query, "limit": 10 if first is None else first}
    if after:
        asked["after"] = after
    answer = await context.http.get(f"{context.source_url('search')}/search", params=asked)
    refuse(answer)
    found = answer.json()
    edges = [
        {
            "cursor": hit["cursor"],
            "score": hit["score"],
            "highlight": hit["highlight"],
            "node": {"id": hit["id"]},
        }
        for hit in found["items"]
    ]
    return {"edges": edges, "pageInfo": page_info(found["page"]), "totalCount": found["total"]}


class Related:
    """Loads related videos for one request, which has one of it: its bound method names the dataloader."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def load(self, ids: list[str]) -> list[list[str]]:
        """The related ids of each video, in one call."""
        url = f"{self.context.source_url('search')}/related"
        answer = await self.context.http.get(url, params={"ids": ",".join(ids)})
        answer.raise_for_status()
        by_id = answer.json()["by_id"]
        return [by_id[id_] for id_ in ids]


@resolver("Video.related", vary=())
async def related(parent: Any, context: Context) -> list[dict[str, str]]:
    """By a dataloader: the videos of one level, and of others that are ready, share a call."""
    loader = context.loaders.of(context.state["related"].load)
    ids: list[str] = await loader.load(parent["id"])
    return [{"id": id_} for id_ in ids]
