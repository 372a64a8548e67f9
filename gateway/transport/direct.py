"""The short way of an operation through a server of our own: from a whole request to the bytes of its answer.

It is for what nearly every request is: a POST of JSON to the endpoint's own path that is answered in one piece.
Every check is the endpoint's; what one of them refuses, and all else, is left to the endpoint itself, which
then answers as it would have without this.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

from gateway.answer import Answer, OperationRecord
from gateway.context import Context
from gateway.errors import ClientError
from gateway.pipeline.pipeline import GraphQLParams
from gateway.transport.http.access import log_line
from gateway.transport.http.asgi import Headers, client_header, read_headers
from gateway.transport.http.handler import Asked, GraphQLEndpoint, head_size
from gateway.transport.http.negotiate import is_json_request, response_type
from gateway.transport.http.params import Memory, params_of_json
from gateway.transport.http.respond import CONTENT_TYPES, encode_body, is_compressible
from gateway.transport.server.admission import Shedder
from gateway.transport.server.measured import MeasuredRoute
from gateway.transport.stream.formats import stream_format
from gateway.transport.stream.sse import is_session


class Reply(NamedTuple):
    """An answer as it is written.

    Attributes:
        status: Of HTTP.
        head: Status line and headers, without the empty line that ends them.
        body: What follows.
    """

    status: int
    head: bytes
    body: bytes


class Head(NamedTuple):
    """What is known of a request by its headers alone, and so of the next one with equal ones.

    Attributes:
        headers, values: By name. Each request gets a copy of the headers; nobody changes the values.
        media_type: Of its answer.
        client_name, client_version: As the client says; None when it does not.
    """

    headers: dict[str, str]
    values: dict[str, list[str]]
    media_type: str
    client_name: str | None
    client_version: str | None


class DirectRoute:
    """The endpoint's own path, for whole requests.

    Args:
        endpoint: Has the checks, the context and the pipeline.
        path: Where it is served.
        shedder: Its limits; None without any.
        measured: Its numbers; None where nothing is measured.
    """

    def __init__(
        self,
        endpoint: GraphQLEndpoint,
        path: str,
        shedder: Shedder | None,
        measured: MeasuredRoute | None,
    ) -> None:
        self.path = path.encode()
        self._endpoint = endpoint
        self._pipeline = endpoint.pipeline
        self._shedder = shedder
        self._measured = measured
        # Documents by id change the parameters of each request.
        is_plain = not endpoint.pipeline.documents.has_say(None, None)
        self._memory = Memory() if is_plain else None

    def read(self, raw: Headers) -> Head | None:
        """What the headers of a request say; None when it has to go the ordinary way.

        Args:
            raw: Its headers, names in lower case.
        """
        endpoint = self._endpoint
        if head_size(raw, b"") > endpoint.http.max_header_bytes:
            return None
        headers, values = read_headers(raw)
        accept = headers.get("accept")
        media_type = response_type(accept)
        if (
            media_type is None
            or not is_json_request(headers.get("content-type"))
            or "content-encoding" in headers
            or (endpoint.streams is not None and stream_format(accept) is not None)
            or (endpoint.sessions is not None and is_session("POST", headers, b""))
        ):
            return None
        name, version = client_header(headers, "name"), client_header(headers, "version")
        return Head(headers, values, media_type, name, version)

    def __call__(self, head: Head, body: bytes) -> Reply | Coroutine[Any, Any, Reply] | None:
        """Answer a request.

        Args:
            head: What `read` gave.
            body: The whole of it.

        Returns:
            The answer; or a coroutine of it that has to be awaited once; None when the request has to go the
            ordinary way, and nothing of it has been done.
        """
        begin = time.perf_counter()
        if self._shedder is not None and self._shedder.too_much() is not None:
            return None
        params = self._params(body)
        if params is None:
            return None
        headers, media_type = head.headers.copy(), head.media_type
        request_id = self._endpoint.request_id(headers)
        asked = Asked(headers, head.values, request_id, False)
        answer: Answer | Coroutine[Any, Any, Answer] | None = None
        context = self._endpoint.new_context(
            headers, head.values, request_id, head.client_name, head.client_version
        )
        if isinstance(context, Context):
            answer = self._pipeline.start(params, context, read_only=False)
            if isinstance(answer, Answer) and not is_compressible(
                answer.body, self._endpoint.settings.compression
            ):
                status = self._endpoint.status_of(answer, media_type)
                reply = self._reply(status, answer, [], asked, media_type)
                self._log(answer.record, context, asked, status, begin)
                if self._measured is not None:
                    self._measured.observe(status, time.perf_counter() - begin)
                return reply
        if self._shedder is not None:
            self._shedder.in_flight += 1
        if self._measured is not None:
            self._measured.active += 1
        return self._finish(params, asked, media_type, context, answer, begin)

    def _params(self, body: bytes) -> GraphQLParams | None:
        """What is asked; None for what is refused, and for a batch."""
        if len(body) > self._endpoint.http.max_body_bytes:
            return None
        try:
            params = self._memory.read(body) if self._memory else params_of_json(body)
        except ClientError:
            return None
        return None if isinstance(params, list) else params

    async def _finish(
        self,
        params: GraphQLParams,
        asked: Asked,
        media_type: str,
        context: Context | Coroutine[Any, Any, Context],
        answer: Answer | Coroutine[Any, Any, Answer] | None,
        begin: float,
    ) -> Reply:
        """The rest of a request that has to wait for something, its answer's compression among them."""
        endpoint, status = self._endpoint, 0
        known: Context | None = None
        try:
            try:
                known = context if isinstance(context, Context) else await context
                coming = answer or self._pipeline.start(params, known, read_only=False)
                final = coming if isinstance(coming, Answer) else await coming
                status = endpoint.status_of(final, media_type)
            except Exception as exc:  # a context factory is the user's code
                final = endpoint.refuse(exc, OperationRecord(), media_type)
                status = final.status
            more: Headers = []
            compression = endpoint.settings.compression
            if is_compressible(final.body, compression):
                final.body = await encode_body(final.body, more, asked.headers, compression)
            reply = self._reply(status, final, more, asked, media_type)
            self._log(final.record, known, asked, status, begin)
            return reply
        finally:
            if self._shedder is not None:
                self._shedder.in_flight -= 1
            if self._measured is not None:
                self._measured.active -= 1
                self._measured.observe(status, time.perf_counter() - begin)

    def _reply(
        self, status: int, answer: Answer, more: Headers, asked: Asked, media_type: str
    ) -> Reply:
        codes = answer.record.error_codes
        if answer.allow:
            more.append((b"allow", answer.allow.encode()))
        if codes:
            more.append((b"cache-control", b"no-store"))
        if self._endpoint.cors is not None:
            more += self._endpoint.cors.headers(asked.headers.get("origin"))
        head = b"%bcontent-type: %b\r\nx-request-id: %b\r\ncontent-length: %d\r\n%b" % (
            status_line(status),
            CONTENT_TYPES[media_type],
            asked.request_id.encode("latin-1"),
            len(answer.body),
            b"".join([b"%b: %b\r\n" % header for header in more]) if more else b"",
        )
        return Reply(status, head, answer.body)

    def _log(
        self,
        record: OperationRecord,
        context: Context | None,
        asked: Asked,
        status: int,
        begin: float,
    ) -> None:
        took_s = time.perf_counter() - begin
        line = log_line(record, context, asked.request_id, status, took_s)
        self._endpoint.access_log.write(line)


@lru_cache(128)
def status_line(status: int) -> bytes:
    """The first line of an answer; 294 has no phrase."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()
