"""GraphQL over HTTP without I/O: a request's head and body in, an answer out. The adapters carry the bytes.

    parse_head  all that the head decides: which route, which answer, which body; or the answer at once
    handle      the body's parameters → the operation → the answer

Whatever is checked of a request is checked here or in what is called here, once, for every adapter. It must not
know a socket, a task or a server.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

from gateway.auth.authenticator import Authenticator
from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import AwaitableOrValue, is_awaitable, then, value_of
from gateway.context import Context
from gateway.errors import ClientError, InternalError
from gateway.pipeline.admission import RETRY_AFTER_S
from gateway.pipeline.checks import reject
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.pipeline.serving import CurrentServing
from gateway.pipeline.subscriptions import operation_type
from gateway.quotas.addresses import AddressLimiter
from gateway.response.encoding import encode_request_error
from gateway.response.record import Answer, OperationRecord
from gateway.response_headers import merged_lines
from gateway.telemetry.logs import AccessLog
from gateway.transport.asgi import Receive
from gateway.transport.http.access import log_line
from gateway.transport.http.batch import check_batch, run_batch
from gateway.transport.http.body import check_plain_form, decode_body, request_codings, too_large
from gateway.transport.http.csrf import check_form, check_read
from gateway.transport.http.forwarded import Peer, TrustedProxies
from gateway.transport.http.graphiql import page_response, wants_page
from gateway.transport.http.head import RawHead, RequestHead, client_names
from gateway.transport.http.negotiate import GRAPHQL_RESPONSE, JSON, is_json_request, response_type
from gateway.transport.http.params import (
    MalformedRequestError,
    params_of,
    params_of_json,
    params_of_query,
)
from gateway.transport.http.respond import (
    HttpResponse,
    StreamingResponse,
    malformed_status,
    status_of,
    text_response,
)
from gateway.transport.http.responder import Responder
from gateway.transport.http.routes import Route, Routes
from gateway.transport.http.uploads import is_form, read_upload
from gateway.transport.server.measured import RouteMeasures
from gateway.transport.settings import EndpointSettings
from gateway.transport.stream.endpoint import StreamEndpoint
from gateway.transport.stream.formats import stream_format
from gateway.transport.stream.sessions import Sessions
from gateway.transport.stream.sse import TOKEN_HEADER, is_session

# What may stand in a log line and in an answer's header.
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
# It tells requests apart and protects nothing: a generator that asks the kernel for no bytes will do.
_random = random.Random()  # noqa: S311
if hasattr(os, "register_at_fork"):  # a server that forks after it has imported us
    os.register_at_fork(after_in_child=_random.seed)
# nginx's status of a request whose client did not wait for the answer; it is written to the log alone.
CLIENT_GONE = 499
FRAMING_CODES = {
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    431: "REQUEST_HEADERS_TOO_LARGE",
    503: "UNAVAILABLE",
}
Params = GraphQLParams | list[GraphQLParams]
Answered = HttpResponse | StreamingResponse
ANSWERED = (HttpResponse, StreamingResponse)  # to ask for a union costs twice as much


class Handler:
    """The gateway's HTTP routes.

    Args:
        serving: Gives the revision that answers a request that begins now.
        settings: What is allowed.
        routes: Which path is what.
        access_log: Gets one line per operation.
        measures: Told of every answer; None where nothing is measured.
        streams: Takes operations whose answer goes on; None when there are none.
        proxies: Those whose forwarding headers are believed; None for none.
        authenticator: Finds who the client is; None where every client is anonymous.
        gate: Counts the requests of each address, before it is known who asks; None without a limit.
    """

    def __init__(
        self,
        serving: CurrentServing,
        settings: EndpointSettings,
        routes: Routes,
        access_log: AccessLog,
        measures: RouteMeasures,
        streams: StreamEndpoint | None = None,
        proxies: TrustedProxies | None = None,
        authenticator: Authenticator | None = None,
        gate: AddressLimiter | None = None,
    ) -> None:
        self.serving = serving
        self.proxies = proxies
        self.routes = routes
        self.access_log = access_log
        self.measures = measures
        self.streams = streams
        self.authenticator = authenticator
        self.gate = gate
        self.sessions = Sessions(streams) if streams is not None else None
        self.configure(settings)

    def configure(self, settings: EndpointSettings) -> None:
        """Answer by these from now on."""
        self.settings = settings
        self.http = settings.http
        self.responder = Responder(
            settings, takes_sessions=self.streams is not None, inserted=settings.inserted_headers
        )

    # The head

    def parse_head(self, raw: RawHead) -> RequestHead | HttpResponse:
        """What the head of a request decides; or the answer, where the head alone decides it."""
        route = self.routes.match(raw.path)
        if not isinstance(route, Route):
            return route(raw) if route is not None else text_response(404, "Not found.")
        headers, method = raw.headers, raw.method
        peer = raw.peer if self.proxies is None else self.proxies.resolve(raw.peer, headers)
        if method != "POST":
            if method == "OPTIONS":
                return self.responder.options(headers)
            if self._wants_page(raw, route):
                shows_timings = self.serving().pipeline.explain.shows_trace
                base = peer.prefix + raw.root_path + raw.path
                is_dev = self.routes.dev_status is not None
                return page_response(
                    base, self.http.graphiql_query, shows_timings=shows_timings, is_dev=is_dev
                )
        accept = headers.get("accept")
        name, version = client_names(headers)
        head = RequestHead(
            ClientRequest(
                headers,
                raw.repeated,
                self._request_id(headers),
                name,
                version,
                client_key=peer.key,
                address=peer.address,
                method=method,
            ),
            method,
            raw.query_string,
            route.document_id,
            response_type(accept),
            stream_format(accept) if self.streams is not None else None,
        )
        try:
            if self.gate is not None:
                self.gate.check(peer.key)
            self._check_head(head, headers)
            if self.authenticator is not None:
                self.authenticate(head)
        except ClientError as exc:
            response = self.reject(head, exc)
            self.measures.observe(response.status, 0.0)
            return response
        return head

    def health(self, raw: RawHead) -> HttpResponse | None:
        """The answer to a probe; None for every other request."""
        answers = self.routes.health.get(raw.path)
        return answers(raw) if answers is not None else None

    def _check_head(self, head: RequestHead, headers: Mapping[str, str]) -> None:
        """How the body is read. Errors: ClientError for a request that is refused by its head."""
        method, content_type = head.method, headers.get("content-type")
        if self.sessions is not None and (method != "POST" or TOKEN_HEADER in headers):
            head.is_session = is_session(method, headers, head.query_string)
        if head.media_type is None and head.stream is None and not head.is_session:
            raise not_acceptable()
        if method == "POST":
            if is_json_request(content_type):
                self._check_json(head, headers)
            elif self.settings.uploads.enabled and content_type and is_form(content_type):
                check_form(headers, self.settings.csrf)
                check_plain_form(headers)
                head.body = "form"
            else:
                raise unsupported()
        elif method in ("GET", "HEAD"):
            if content_type is not None and not is_json_request(content_type):
                raise unsupported()  # GHSA-9q82-xgwf-vj6h, GHSA-hff2-gcpx-8f4p
            if not head.is_session:
                check_read(headers, self.settings.csrf, self.responder.cors)
        elif not head.is_session:
            raise ClientError(
                f"Use {self.responder.allowed}.",
                code="METHOD_NOT_ALLOWED",
                headers={"allow": self.responder.allowed},
            )

    def authenticate(self, head: RequestHead) -> None:
        """Find who the client is, or note how to find it later. Errors: ClientError(UNAUTHENTICATED)."""
        assert self.authenticator is not None
        client = head.client
        found = self.authenticator.authenticate(client.headers, client.address)
        if isinstance(found, Principal):
            client.principal = found
        else:
            head.identify = found

    def _check_json(self, head: RequestHead, headers: Mapping[str, str]) -> None:
        """Note how a JSON body is coded, and refuse one that declares too large a size. Errors: ClientError."""
        head.body = "json"
        encoding = headers.get("content-encoding")
        if encoding is not None:
            is_decoded = self.settings.compression.requests
            head.codings = request_codings(encoding, is_decoded=is_decoded)
        length, most = headers.get("content-length", ""), self.http.max_body_bytes
        if length.isdecimal() and int(length) > most:
            raise too_large(most)

    def _wants_page(self, raw: RawHead, route: Route) -> bool:
        return (
            self.http.graphiql
            and route.document_id is None
            and wants_page(raw.method, raw.headers, raw.query_string)
        )

    def _request_id(self, headers: Any) -> str:
        """The client's, where it is trusted; else a new one."""
        given = headers.get("x-request-id", "") if self.http.trust_request_id else ""
        if given and _REQUEST_ID.fullmatch(given):
            return str(given)
        return _random.getrandbits(64).to_bytes(8, "big").hex()  # a third of what a format takes

    # The whole request

    def handle(self, head: RequestHead, body: bytes | Receive) -> AwaitableOrValue[Answered]:
        """Answer a request: at once where there is nothing to wait for. Raises nothing but cancellation.

        Args:
            head: What `parse_head` gave.
            body: The whole of it, or for a form what gives it as it arrives.
        """
        begin = time.perf_counter()
        head.client.body_bytes = (
            len(body) if isinstance(body, bytes) else declared_length(head.client.headers)
        )
        if head.identify is not None:
            return self._identify(head, body, begin)
        operation: Operation | None = None
        outcome: AwaitableOrValue[Answered | Answer]
        try:
            params = self._params(head, body)
            if isinstance(params, GraphQLParams) and not (head.stream or head.is_session):
                client = head.client
                operation = Operation(params, client, self.serving(client), head.method != "POST")
                outcome = self._run(operation)
                if isinstance(outcome, Answer):
                    outcome = self._respond(head, operation, begin, outcome)
            else:
                outcome = self._answer_other(head, begin, params)
        except Exception as exc:
            outcome = self.reject(head, exc, begin)
        if isinstance(outcome, ANSWERED):
            self.measures.observe(outcome.status, time.perf_counter() - begin)
            return outcome
        assert not isinstance(outcome, Answer)
        return self._finish(head, operation, outcome, begin)

    async def _identify(self, head: RequestHead, body: bytes | Receive, begin: float) -> Answered:
        """Find who the client is, then answer the request."""
        assert head.identify is not None
        try:
            head.client.principal = await head.identify()
        except ClientError as exc:
            response = self.reject(head, exc, begin)
            self.measures.observe(response.status, time.perf_counter() - begin)
            return response
        head.identify = None
        return await value_of(self.handle(head, body))

    async def _finish(
        self,
        head: RequestHead,
        operation: Operation | None,
        coming: Awaitable[Answered | Answer],
        begin: float,
    ) -> Answered:
        """The rest of a request that has to wait for something."""
        self.measures.active += 1
        status = 0  # of one whose client went before
        try:
            try:
                outcome = await coming
                if isinstance(outcome, Answer):
                    assert operation is not None
                    response = self._respond(head, operation, begin, outcome)
                    outcome = response if isinstance(response, HttpResponse) else await response
            except Exception as exc:
                outcome = self.reject(head, exc, begin)
            except asyncio.CancelledError as exc:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # A resolver's own: nobody has cancelled the request.
                outcome = self.reject(head, InternalError(f"{exc!r} of a resolver"), begin)
        except asyncio.CancelledError:  # its client has gone, or the server ends
            record = operation.record if operation is not None else OperationRecord()
            self.log(record, getattr(operation, "context", None), head, CLIENT_GONE, begin)
            raise
        else:
            status = outcome.status
            return outcome
        finally:
            self.measures.active -= 1
            self.measures.observe(status, time.perf_counter() - begin)

    def _run(self, operation: Operation) -> AwaitableOrValue[Answer]:
        serving = operation.serving
        context = serving.new_context(operation.client)
        if isinstance(context, Context):
            return serving.pipeline.run(operation, context)
        return then(context, partial(serving.pipeline.run, operation))

    def _params(self, head: RequestHead, body: bytes | Receive) -> AwaitableOrValue[Params | None]:
        """The parameters of the request; None for a session's request without any. Errors: ClientError."""
        if head.method != "POST":
            if head.is_session:
                return None
            return params_of_query(head.query_string, head.document_id)
        if not isinstance(body, bytes):
            return self._upload(head, body)
        if not head.codings:
            return params_of_json(body, head.document_id)
        decoded = decode_body(body, head.codings, self.http.max_body_bytes)
        return then(decoded, partial(params_of_json, document_id=head.document_id))

    async def _upload(self, head: RequestHead, receive: Receive) -> Params:
        content_type = head.client.headers["content-type"]
        uploads, most = self.settings.uploads, self.http.max_body_bytes
        sent = await read_upload(receive, content_type, uploads, most)
        return params_of(sent, head.document_id)

    def _answer_other(
        self, head: RequestHead, begin: float, params: AwaitableOrValue[Params | None]
    ) -> AwaitableOrValue[Answered]:
        """Answer all but one operation in one piece: a batch, a session, a stream, and bodies that are still read.

        Errors: ClientError.
        """
        if is_awaitable(params):
            return then(params, partial(self._answer_other, head, begin))
        if head.is_session:
            assert self.sessions is not None
            return self.responder.with_cors(head, self.sessions.handle(head, params))
        if isinstance(params, list):
            return self._batch(head, params)
        assert params is not None
        operation = Operation(
            params, head.client, self.serving(head.client), read_only=head.method != "POST"
        )
        return self._answer_operation(head, operation, begin)

    async def _answer_operation(
        self, head: RequestHead, operation: Operation, begin: float
    ) -> Answered:
        """A streamed answer, where the format that the client accepts is for such an operation; else one piece."""
        if head.stream is not None:
            assert self.streams is not None
            is_only = head.media_type is None
            if await self.streams.takes(head.stream, operation, is_only=is_only):
                return self.responder.with_cors(head, self.streams.respond(head.stream, operation))
            if is_only:
                raise not_acceptable()
        answer = await value_of(self._run(operation))
        return await value_of(self._respond(head, operation, begin, answer))

    async def _batch(self, head: RequestHead, batch: list[GraphQLParams]) -> HttpResponse:
        check_batch(batch, self.settings.batching)
        serving = self.serving(head.client)
        operations = [Operation(params, head.client, serving) for params in batch]
        run = partial(self._run_one, head)
        answers = await run_batch(operations, operation_type, run)
        whole = Answer(
            b"[" + b",".join(answer.body for answer in answers) + b"]",
            True,
            200,
            OperationRecord(),
        )
        whole.headers = merged_lines(a.headers for a in answers if a.has_data) or None
        codes = (code for answer in answers for code in answer.record.error_codes)
        whole.record.error_codes = list(dict.fromkeys(codes))
        left = [one.record.quota_headers for one in operations if one.record.quota_headers]
        whole.record.quota_headers = left[-1] if left else b""
        return await value_of(self.responder.encode(head, whole, 200))

    async def _run_one(self, head: RequestHead, operation: Operation) -> Answer:
        """One operation of a batch."""
        begin = time.perf_counter()
        context: Context | None = None
        try:
            context = await value_of(operation.serving.new_context(head.client))
            answer = await value_of(operation.serving.pipeline.run(operation, context))
        except Exception as exc:  # a context factory is the user's code
            answer = reject(operation.serving.pipeline.mask, exc, operation.record)
        self.log(answer.record, context, head, 200, begin, len(answer.body))
        return answer

    # The answer

    def _respond(
        self, head: RequestHead, operation: Operation, begin: float, answer: Answer
    ) -> AwaitableOrValue[HttpResponse]:
        status = status_of(answer, head.media_type or JSON, is_draft=self.http.draft_statuses)
        response = self.responder.encode(head, answer, status)
        if isinstance(response, HttpResponse):
            return self._logged(head, operation, begin, answer.record, response)
        return then(response, partial(self._logged, head, operation, begin, answer.record))

    def _logged(
        self,
        head: RequestHead,
        operation: Operation,
        begin: float,
        record: OperationRecord,
        response: HttpResponse,
    ) -> HttpResponse:
        """The answer, whose line is written."""
        size = len(response.body)
        self.log(record, operation.context, head, response.status, begin, size)
        return response

    def reject(
        self, head: RequestHead, error: Exception, begin: float | None = None
    ) -> HttpResponse:
        """The answer to what failed outside of the pipeline."""
        record = OperationRecord()
        if isinstance(error, ClientError):
            record.error_codes.append(error.code)
            is_draft = self.http.draft_statuses and isinstance(error, MalformedRequestError)
            status = malformed_status(error, head.media_type, is_draft=is_draft)
            body = encode_request_error(
                [{"message": error.message, "extensions": error.extensions}]
            )
            answer = Answer(body, False, status, record, tuple(error.headers.items()))
        else:
            answer = reject(
                self.serving().pipeline.mask, error, record
            )  # a context factory is the user's code
        size = len(answer.body)
        self.log(record, None, head, answer.status, begin or time.perf_counter(), size)
        return self.responder.assemble(head, answer, answer.status, answer.body, b"")

    def reject_framing(
        self, status: int, message: str, peer: Peer, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """The answer to bytes that are no request, or that came too late. It is the last of its connection."""
        client = ClientRequest(
            {}, request_id=self._request_id({}), client_key=peer.key, address=peer.address
        )
        head = RequestHead(client, "POST", b"", None, JSON, None)
        error = ClientError(
            message,
            code=FRAMING_CODES.get(status, "BAD_REQUEST"),
            http_status=status,
            retry_after_s=RETRY_AFTER_S if status == 503 else None,
            headers=headers,
        )
        self.measures.observe(status, 0.0)
        return self.reject(head, error)

    def log(
        self,
        record: OperationRecord,
        context: Context | None,
        head: RequestHead,
        status: int,
        begin: float,
        response_bytes: int = 0,
    ) -> None:
        """Write the line of an operation that has been answered."""
        took_s = time.perf_counter() - begin
        self.access_log.write(
            log_line, record, context, head.client, status, took_s, response_bytes
        )


def declared_length(headers: Mapping[str, str]) -> int:
    """The size that `content-length` declares for a body that is read as it arrives; 0 without one."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 16 else 0


def unsupported() -> ClientError:
    """The error of a content type that is not read."""
    return ClientError(
        "Send the request as application/json in UTF-8.", code="UNSUPPORTED_MEDIA_TYPE"
    )


def not_acceptable() -> ClientError:
    """The error of a client that accepts no media type of ours."""
    return ClientError(f"Accept must allow {GRAPHQL_RESPONSE} or {JSON}.", code="NOT_ACCEPTABLE")
