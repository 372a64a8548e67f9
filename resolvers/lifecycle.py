"""What a worker and a request begin and end with."""

from __future__ import annotations

import datetime as dt
from typing import Any

from gateway import Context, context_factory, on_shutdown, on_startup, resolver
from resolvers.search import Related


@on_startup
async def start(_state: dict[str, Any]) -> dict[str, Any]:
    """Once per worker; what a database pool would be opened in."""
    return {"started_at": dt.datetime.now(dt.UTC).replace(microsecond=0)}


@on_shutdown
async def stop(state: dict[str, Any]) -> None:
    """Once per worker, after the last request; what the pool would be closed in."""
    del state["started_at"]


@context_factory(vary=["x-demo-user"])
def begin(context: Context) -> dict[str, Any]:
    """The user of the request, and what its dataloaders load with."""
    return {"viewer_id": context.headers.get("x-demo-user"), "related": Related(context)}


@resolver("Query.startedAt", vary=())
def started_at(_parent: Any, context: Context) -> dt.datetime:
    """When this worker started."""
    moment: dt.datetime = context.state["started_at"]
    return moment


@resolver("Query.viewer", vary=["x-demo-user"])
def viewer(_parent: Any, context: Context) -> dict[str, str] | None:
    """The user of the request, completed by the type's connector."""
    id_ = context.state["viewer_id"]
    return {"id": id_} if id_ else None
