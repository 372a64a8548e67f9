"""GraphQL over HTTP as a raw ASGI callable: bytes in, one `GraphQLParams`, one answer out.

It checks what the protocol asks and nothing of GraphQL; the pipeline never sees a header of the transport.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Protocol

from gateway.answer import Answer, OperationRecord
from gateway.context import Context
from gateway.errors import ClientError
from gateway.pipeline.pipeline import GraphQLParams, Pipeline
from gateway.telemetry.logs import AccessLog
from gateway.transport.http.access import log_line
from gateway.transport.http.asgi import (
    ClientDisconnectedError,
    Headers,
    Receive,
    Scope,
    Send,
    client_header,
    read_headers,
)
from gateway.transport.http.batch import check_batch, run_batch
from gateway.transport.http.body import read_body
from gateway.transport.http.cors import Cors, is_preflight
from gateway.transport.http.csrf import check_form, check_read
from gateway.transport.http.graphiql import send_page, wants_page
from gateway.transport.http.negotiate import GRAPHQL_RESPONSE, JSON, is_json_request, response_type
from gateway.transport.http.params import (
    MalformedRequestError,
    params_of,
    params_of_json,
    params_of_query,
)
from gateway.transport.http.respond import answer_headers, refusal, respond, status_of
from gateway.transport.http.uploads import is_form, read_upload
from gateway.transport.settings import EndpointSettings
from gateway.transport.stream.formats import Format, stream_format
from gateway.transport.stream.sse import is_session

# What may stand in a log line and in an answer's header.
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_random = random.Random()  # noqa: S311 - see `_request_id`


class NewContext(Protocol):
    """Makes the request's context, at once where it can; the composition root gives it."""

    def __call__(
        self,
        headers: dict[str, str],
        header_values: dict[str, list[str]],
        request_id: str,
        client_name: str | None,
        client_version: str | None,
    ) -> Context | Coroutine[Any, Any, Context]: ...


@dataclass(slots=True)
class Asked:
    """What the endpoint has read of a request.

    Attributes:
        headers, header_values: The request's headers.
        request_id: As in the log.
        read_only: The transport is for queries and subscriptions only (GET).
    """

    headers: dict[str, str]
    header_values: dict[str, list[str]]
    request_id: str
    read_only: bool


class Streams(Protocol):
    """Answers that go on; `streaming` has them."""

    async def respond(
        self, how: Format, params: GraphQLParams, asked: Asked, receive: Receive, send: Send
    ) -> bool: ...


class Sessions(Protocol):
    """Event streams that carry many operations; `sessions` has them."""

    async def respond(
        self,
        scope: Scope,
        asked: Asked,
        read_params: Callable[[], Awaitable[GraphQLParams | list[GraphQLParams]]],
        receive: Receive,
        send: Send,
    ) -> None: ...


class GraphQLEndpoint:
    """The GraphQL route.

    Args:
        pipeline: Answers operations.
        new_context: Makes the per-request state.
        settings: What is allowed.
        access_log: Gets one line per request.
        streams: Takes requests whose answer goes on; None when there are none.
        sessions: Takes requests about an event stream that carries many operations.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        new_context: NewContext,
        settings: EndpointSettings,
        access_log: AccessLog,
        streams: Streams | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.new_context = new_context
        self.settings = settings
        self.http = settings.http
        self.cors = Cors(settings.cors.policies) if settings.cors.policies else None
        self.access_log = access_log
        self.streams = streams
        self.sessions = sessions
        own = ", PUT, DELETE" if sessions is not None else ""
        self.allowed = f"GET, HEAD, POST, OPTIONS{own}"

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, document_id: str | None = None
    ) -> None:
        """Answer a request.

        Args:
            scope, receive, send: ASGI's.
            document_id: The document that the URL names.
        """
        begin = time.perf_counter()  # uvloop's clock stands still within an iteration
        headers, values = read_headers(scope["headers"])
        method = scope["method"]
        if self.cors is not None and not is_preflight(method, headers):
            send = self.cors.wrap(send, headers.get("origin"))
        if method != "POST":
            if method == "OPTIONS":
                await self._options(headers, send)
                return
            if method == "HEAD":
                send = without_body(send)
            if (
                self.http.graphiql
                and not document_id
                and wants_page(method, headers, scope["query_string"])
            ):
                shows = self.pipeline.explain.shows_trace
                first = self.http.graphiql_query
                await send_page(send, scope["path"], first, shows_timings=shows)
                return
        asked = Asked(headers, values, self.request_id(headers), method != "POST")
        context: Context | None = None
        accept = headers.get("accept")
        media_type = response_type(accept)
        how = stream_format(accept) if self.streams else None
        try:
            check_head(scope, self.http.max_header_bytes)
            if self.sessions and is_session(method, headers, scope["query_string"]):
                read = partial(self._params, scope, headers, receive)
                await self.sessions.respond(scope, asked, read, receive, send)
                return
            if how is None:
                check_acceptable(media_type)
            params = await self._params(scope, headers, receive, document_id)
            if isinstance(params, list):
                await self._batch(params, asked, media_type or JSON, send)
                return
            if how is not None and self.streams is not None:
                if await self.streams.respond(how, params, asked, receive, send):
                    return
                check_acceptable(media_type)
            context = await self._context(asked)
            answer = await self.pipeline.run(params, context, read_only=asked.read_only)
            status = self.status_of(answer, media_type or JSON)
        except ClientDisconnectedError:
            return
        except Exception as exc:  # a context factory is the user's code
            answer = self.refuse(exc, OperationRecord(), media_type)
            status = answer.status
        record, body = answer.record, answer.body
        codes = record.error_codes
        start = answer_headers(media_type or JSON, asked.request_id, codes, answer.allow)
        start += answer.headers
        if asked.read_only:
            start.append((b"vary", b"accept"))  # a cache may keep the answer to a GET
        await respond(send, status, start, body, headers, self.settings.compression)
        self.access_log.write(
            log_line(record, context, asked.request_id, status, time.perf_counter() - begin)
        )

    async def _batch(
        self, batch: list[GraphQLParams], asked: Asked, media_type: str, send: Send
    ) -> None:
        """Answer a batch. Errors: ClientError when it is refused as a whole."""
        check_batch(batch, self.settings.batching)

        def log(record: OperationRecord, context: Context | None, duration_s: float) -> None:
            self.access_log.write(log_line(record, context, asked.request_id, 200, duration_s))

        answers = await run_batch(batch, self.pipeline, lambda: self._context(asked), log)
        codes = [code for answer in answers for code in answer.record.error_codes]
        start = answer_headers(media_type, asked.request_id, codes, None)
        body = b"[" + b",".join(answer.body for answer in answers) + b"]"
        await respond(send, 200, start, body, asked.headers, self.settings.compression)

    async def _options(self, headers: dict[str, str], send: Send) -> None:
        """What may be done here; and a browser's question, whether a page may."""
        start: Headers = [(b"allow", self.allowed.encode())]
        if self.cors is not None and is_preflight("OPTIONS", headers):
            start += self.cors.preflight(headers)
        await send({"type": "http.response.start", "status": 204, "headers": start})
        await send({"type": "http.response.body", "body": b""})

    def context(self, asked: Asked) -> Context | Coroutine[Any, Any, Context]:
        """The request's state."""
        headers = asked.headers
        name, version = client_header(headers, "name"), client_header(headers, "version")
        return self.new_context(headers, asked.header_values, asked.request_id, name, version)

    async def _context(self, asked: Asked) -> Context:
        made = self.context(asked)
        return made if isinstance(made, Context) else await made

    def status_of(self, answer: Answer, media_type: str) -> int:
        """The HTTP status of an answer of the pipeline."""
        return status_of(answer, media_type, self.http.draft_statuses)

    def refuse(self, error: Exception, record: OperationRecord, media_type: str | None) -> Answer:
        """The answer to what failed outside of the pipeline; its status is that of HTTP."""
        if not isinstance(error, ClientError):
            return self.pipeline.refuse(error, record)
        record.error_codes.append(error.code)
        is_draft = self.http.draft_statuses and media_type == GRAPHQL_RESPONSE
        is_unprocessable = is_draft and isinstance(error, MalformedRequestError)
        status = 422 if is_unprocessable else error.http_status
        allow = self.allowed if status == 405 else None
        more = [(name.encode(), value.encode("latin-1")) for name, value in error.headers.items()]
        return Answer(refusal(error), False, status, record, allow, headers=more)

    def request_id(self, headers: dict[str, str]) -> str:
        """The client's, where it is trusted; else a new one."""
        given = headers.get("x-request-id", "") if self.http.trust_request_id else ""
        # It tells requests apart and protects nothing: no call to the system for each.
        return (
            given if given and _REQUEST_ID.fullmatch(given) else f"{_random.getrandbits(64):016x}"
        )

    async def _params(
        self,
        scope: Scope,
        headers: dict[str, str],
        receive: Receive,
        document_id: str | None = None,
    ) -> GraphQLParams | list[GraphQLParams]:
        method = scope["method"]
        content_type = headers.get("content-type")
        if method in ("GET", "HEAD"):
            if content_type is not None and not is_json_request(content_type):
                raise unsupported()  # GHSA-9q82-xgwf-vj6h, GHSA-hff2-gcpx-8f4p
            check_read(headers, self.settings.csrf, self.cors)
            return params_of_query(scope["query_string"], document_id)
        if method != "POST":
            raise ClientError(f"Use {self.allowed}.", code="METHOD_NOT_ALLOWED")
        if not is_json_request(content_type):
            uploads = self.settings.uploads
            if not (uploads.enabled and content_type and is_form(content_type)):
                raise unsupported()
            check_form(headers, self.settings.csrf)
            most = self.http.max_body_bytes
            sent = await read_upload(receive, content_type, uploads, most)
            return params_of(sent, document_id)
        body = await read_body(
            receive,
            self.http.max_body_bytes,
            headers.get("content-encoding", ""),
            is_decoded=self.settings.compression.requests,
        )
        return params_of_json(body, document_id)


def unsupported() -> ClientError:
    """What a client learns of a content type that is not read."""
    return ClientError(
        "Send the request as application/json in UTF-8.", code="UNSUPPORTED_MEDIA_TYPE"
    )


def without_body(send: Send) -> Send:
    """`send` for HEAD: the headers of an answer whose body is not sent."""

    async def send_head(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    return send_head


def head_size(headers: Headers, query_string: bytes) -> int:
    """What counts for `http.max_header_bytes`."""
    return sum(map(len, chain.from_iterable(headers))) + len(query_string)


def check_head(scope: Scope, max_bytes: int) -> None:
    """Errors: ClientError(REQUEST_HEADERS_TOO_LARGE)."""
    if head_size(scope["headers"], scope["query_string"]) > max_bytes:
        raise ClientError(
            f"The request's line and headers are larger than http.max_header_bytes, {max_bytes}.",
            code="REQUEST_HEADERS_TOO_LARGE",
        )


def check_acceptable(media_type: str | None) -> None:
    """Errors: ClientError(NOT_ACCEPTABLE)."""
    if media_type is None:
        raise ClientError(f"Accept must allow {GRAPHQL_RESPONSE} or {JSON}.", code="NOT_ACCEPTABLE")
