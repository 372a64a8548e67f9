"""The handler with hooks: who the client is, and whether its request is let in. Without hooks it is not there."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import ref

from gateway.auth.principal import Principal
from gateway.concurrency.awaitable import value_of
from gateway.hooks.answers import Response
from gateway.hooks.hook import RequestHooks
from gateway.hooks.seen import SCOPE, AskedRequest
from gateway.response.record import OperationRecord
from gateway.response_headers import restricted
from gateway.telemetry.records import UNDER_WAY
from gateway.transport.asgi import Receive, Scope, Send
from gateway.transport.http.asgi import serve_http
from gateway.transport.http.handler import Answered, Handler
from gateway.transport.http.head import RawHead, RequestHead
from gateway.transport.http.respond import HttpResponse


@dataclass(slots=True)
class HookedIdentity:
    """A request whose hooks have not run.

    Attributes:
        asked: What they see.
        identify: Finds who the client is by its token, where that has to be awaited; None else.
    """

    asked: AskedRequest
    identify: Callable[[], Awaitable[Principal]] | None

    async def __call__(self) -> Principal:
        """Who the client is, by its token or key."""
        client = self.asked.client
        return client.principal if self.identify is None else await self.identify()


class HookedHandler(Handler):
    """The gateway's HTTP routes, with hooks.

    Args:
        hooks: Of requests.
        given: As of `Handler`.
    """

    def __init__(self, hooks: RequestHooks, *given: Any) -> None:
        super().__init__(*given)
        self.hooks = hooks

    def parse_head(self, raw: RawHead) -> RequestHead | HttpResponse:
        """As of `Handler`; the hooks run when the request is handled."""
        head = super().parse_head(raw)
        if isinstance(head, RequestHead):
            asked = AskedRequest(head.client, raw.path, SCOPE.get({}))
            head.identify = HookedIdentity(asked, head.identify)
        return head

    async def _identify(self, head: RequestHead, body: bytes | Receive, begin: float) -> Answered:
        """Find who the client is and ask the hooks, then answer the request."""
        identity = head.identify
        assert isinstance(identity, HookedIdentity)
        UNDER_WAY.set(ref(identity.asked))
        try:
            head.client.principal = await identity()
            answer = await self.hooks.admit(identity.asked)
        except Exception as exc:
            response = self.reject(head, exc, begin)
        else:
            if answer is None:
                head.identify = None
                return await value_of(self.handle(head, body))
            response = self._own_response(head, answer)
            self.log(OperationRecord(), None, head, answer.status, begin, len(answer.body))
        self.measures.observe(response.status, time.perf_counter() - begin)
        return response

    def _own_response(self, head: RequestHead, answer: Response) -> HttpResponse:
        """A hook's response as it is sent."""
        given = restricted([*answer.headers.items()], is_of_client=self.hooks.is_of_client)
        lines = {**dict(given), "x-request-id": head.client.request_id}
        if answer.status not in (
            204,
            304,
        ):  # which have none; 205 has one of 0. RFC 9110 §8.6, §15.3.6
            lines["content-length"] = str(len(answer.body))
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        response = HttpResponse(answer.status, text.encode("latin-1"), answer.body)
        return self.responder.with_cors(head, response)


async def serve_http_in_scope(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """As `serve_http`, where hooks may ask for the scope."""
    SCOPE.set(scope)
    await serve_http(handler, scope, receive, send)
