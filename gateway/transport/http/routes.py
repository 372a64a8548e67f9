"""Which path is what: the endpoint, a document's own path, health, GraphiQL's files. Pure: no I/O but those files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.transport.http.graphiql import file_response
from gateway.transport.http.head import RawHead
from gateway.transport.http.respond import HttpResponse, text_response

# `/graphql/:id`
DOCUMENT = re.compile(r"/([A-Za-z0-9_:.~-]+)")
FILES = "/graphiql/"
DEV_STATUS = "/graphiql/dev.json"


@dataclass(frozen=True, slots=True)
class Route:
    """The GraphQL endpoint.

    Attributes:
        document_id: The document that the path names.
    """

    document_id: str | None = None


ENDPOINT = Route()
Answers = Callable[[RawHead], HttpResponse]


class Routes:
    """The paths of one gateway.

    Attributes:
        health: What says that it lives, and that it is ready, by path.

    Args:
        path: Of the endpoint.
        is_ready: What readiness says.
        graphiql: Whether GraphiQL's files are served, and `/` leads to the endpoint.
        dev_status: Gives as JSON what the page is told while the graph is developed; None else.
        health: Where it says that it lives, and that it is ready.
        prefix_of: The path that a proxy has taken away in front of a request's own.
    """

    def __init__(
        self,
        path: str,
        is_ready: Callable[[], bool],
        *,
        graphiql: bool,
        dev_status: Callable[[], bytes] | None = None,
        health: tuple[str, str] = ("/health/live", "/health/ready"),
        prefix_of: Callable[[RawHead], str] = lambda _: "",
    ) -> None:
        self.path = path
        self.dev_status = dev_status
        live, ready = health
        self.health: dict[str, Answers] = {
            live: lambda _: text_response(200, "live"),
            ready: self._readiness,
        }
        self._prefix_of = prefix_of
        self._is_ready = is_ready
        self._graphiql = graphiql

    def match(self, path: str) -> Route | Answers | None:
        """What a path is; None for nothing."""
        if path == self.path:
            return ENDPOINT
        if path in self.health:
            return self.health[path]
        if path == "/" and self._graphiql:
            return self._lead
        below = path[len(self.path) :] if path.startswith(self.path) else ""
        if self.dev_status is not None and below == DEV_STATUS:
            return partial(_json, self.dev_status)
        if below.startswith(FILES):
            return partial(file_response, below[len(FILES) :] if self._graphiql else "")
        named = DOCUMENT.fullmatch(below)
        return Route(named[1]) if named else None

    def _lead(self, raw: RawHead) -> HttpResponse:
        """From the front page to the endpoint, where people look for it."""
        where = f"{self._prefix_of(raw)}{raw.root_path}{self.path}"
        return text_response(307, where, b"location: %b\r\n" % where.encode("latin-1", "replace"))

    def _readiness(self, _: RawHead) -> HttpResponse:
        is_ready = self._is_ready()
        return text_response(200 if is_ready else 503, "ready" if is_ready else "not ready")


def _json(content: Callable[[], bytes], _: RawHead) -> HttpResponse:
    body = content()
    lines = b"content-type: application/json\r\ncontent-length: %d\r\ncache-control: no-store\r\n"
    return HttpResponse(200, lines % len(body), body)
