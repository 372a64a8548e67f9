"""GraphQL over HTTP as a raw ASGI callable: bytes in, one `GraphQLParams`, one answer out.

It checks what the protocol asks and nothing of GraphQL; the pipeline never sees a header of the transport.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.answer import Answer, OperationRecord, encode_request_error
from gateway.context import Context
from gateway.errors import ClientError
from gateway.pipeline import GraphQLParams, Pipeline
from gateway.telemetry.logs import AccessLog
from gateway.transport.asgi import (
    ClientDisconnectedError,
    Receive,
    Scope,
    Send,
    client_header,
    read_headers,
)
from gateway.transport.body import read_body
from gateway.transport.formats import Format, stream_format
from gateway.transport.graphiql import send_page, wants_page
from gateway.transport.negotiate import GRAPHQL_RESPONSE, JSON, is_json_request, response_type
from gateway.transport.params import params_of_json, params_of_query
from gateway.transport.settings import HttpSettings

# What may stand in a log line and in an answer's header.
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class MakeContext(Protocol):
    """Makes the request's context; the composition root gives it."""

    def __call__(
        self,
        headers: dict[str, str],
        header_values: dict[str, list[str]],
        request_id: str,
        client_name: str | None,
        client_version: str | None,
    ) -> Awaitable[Context]: ...


@dataclass(frozen=True, slots=True)
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


class GraphQLEndpoint:
    """The GraphQL route.

    Args:
        pipeline: Answers operations.
        make_context: Makes the per-request state.
        settings: What is allowed.
        access_log: Gets one line per request.
        streams: Takes requests whose answer goes on; None when there are none.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        make_context: MakeContext,
        settings: HttpSettings,
        access_log: AccessLog,
        streams: Streams | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.make_context = make_context
        self.settings = settings
        self.access_log = access_log
        self.streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = time.perf_counter()  # uvloop's clock stands still within an iteration
        headers, values = read_headers(scope["headers"])
        if self.settings.graphiql and wants_page(scope["method"], headers, scope["query_string"]):
            await send_page(send, scope["path"], self.settings.graphiql_query)
            return
        request_id = self._request_id(headers)
        record = OperationRecord()
        context: Context | None = None
        media_type = response_type(headers.get("accept"))
        how = stream_format(headers.get("accept")) if self.streams else None
        allow = None
        try:
            if how is None:
                check_acceptable(media_type)
            params = await self._params(scope, headers, receive)
            if how is not None and self.streams is not None:
                asked = Asked(headers, values, request_id, scope["method"] != "POST")
                if await self.streams.respond(how, params, asked, receive, send):
                    return
            context = await self.make_context(
                headers,
                values,
                request_id,
                client_header(headers, "name"),
                client_header(headers, "version"),
            )
            answer = await self.pipeline.run(params, context, read_only=scope["method"] != "POST")
            record, allow, body = answer.record, answer.allow, answer.body
            status = status_of(answer, media_type or JSON)
        except ClientError as exc:
            status, body = exc.http_status, refusal(exc)
            record.error_codes.append(exc.code)
            allow = "GET, POST" if status == 405 else None
        except ClientDisconnectedError:
            return
        except Exception as exc:  # a context factory is the user's code
            failure = self.pipeline.refuse(exc, record)
            status, body = failure.status, failure.body
        await respond(send, status, media_type or JSON, body, request_id, allow)
        self.access_log.write(
            log_line(record, context, request_id, status, time.perf_counter() - begin)
        )

    def _request_id(self, headers: dict[str, str]) -> str:
        given = headers.get("x-request-id", "") if self.settings.trust_request_id else ""
        return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    async def _params(
        self, scope: Scope, headers: dict[str, str], receive: Receive
    ) -> GraphQLParams:
        method = scope["method"]
        if method == "GET":
            return params_of_query(scope["query_string"])
        if method != "POST":
            raise ClientError("Use GET or POST.", code="METHOD_NOT_ALLOWED")
        if not is_json_request(headers.get("content-type")):
            raise ClientError(
                "Send the request as application/json in UTF-8.", code="UNSUPPORTED_MEDIA_TYPE"
            )
        body = await read_body(
            receive, self.settings.max_body_bytes, headers.get("content-encoding")
        )
        return params_of_json(body)


def check_acceptable(media_type: str | None) -> None:
    """Errors: ClientError(NOT_ACCEPTABLE)."""
    if media_type is None:
        raise ClientError(f"Accept must allow {GRAPHQL_RESPONSE} or {JSON}.", code="NOT_ACCEPTABLE")


def status_of(answer: Answer, media_type: str) -> int:
    """GraphQL over HTTP: under application/json a well-formed request is 200, whatever became of it."""
    if media_type == GRAPHQL_RESPONSE or answer.status in (405, 500, 503):
        return answer.status
    return 200


def refusal(exc: ClientError) -> bytes:
    """A protocol error as a GraphQL response."""
    return encode_request_error([{"message": exc.message, "extensions": exc.extensions}])


async def respond(
    send: Send, status: int, media_type: str, body: bytes, request_id: str, allow: str | None
) -> None:
    """Send the answer in one piece."""
    headers = [
        (b"content-type", CONTENT_TYPES[media_type]),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode("latin-1")),
    ]
    if allow:
        headers.append((b"allow", allow.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


CONTENT_TYPES = {
    JSON: b"application/json; charset=utf-8",
    GRAPHQL_RESPONSE: b"application/graphql-response+json; charset=utf-8",
}


def log_line(
    record: OperationRecord,
    context: Context | None,
    request_id: str,
    status: int,
    duration_s: float,
) -> dict[str, Any]:
    """The access log's line, as docs/logging.md specifies."""
    stats = context.stats if context else None
    return {
        "request_id": request_id,
        "client_name": context.client_name if context else None,
        "client_version": context.client_version if context else None,
        "operation_name": record.operation_name,
        "operation_type": record.operation_type,
        "operation_hash": record.document_hash,
        "status": status,
        "duration_ms": round(duration_s * 1000, 3),
        "upstream_calls": stats.calls if stats else 0,
        "upstream_ms": round(stats.wait_s * 1000, 3) if stats else 0,
        "cache": record.cache,
        "path": record.path,
        "error_codes": record.error_codes,
        "error_ids": record.error_ids,
    }
