"""From an answer of the pipeline to the answer of HTTP: its coding and its header lines.

Pure, but for a thread for large bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from hashlib import blake2b
from typing import TypeVar

from gateway.codings.encode import Encoded, choose_encoding
from gateway.concurrency.awaitable import AwaitableOrValue, then
from gateway.response.record import Answer
from gateway.response_headers import CACHE_CONTROL
from gateway.transport.http.cors import Cors, is_preflight
from gateway.transport.http.head import RequestHead
from gateway.transport.http.negotiate import JSON
from gateway.transport.http.respond import CONTENT_TYPES, HttpResponse, StreamingResponse
from gateway.transport.settings import EndpointSettings

ResponseT = TypeVar("ResponseT", HttpResponse, StreamingResponse, HttpResponse | StreamingResponse)

CACHE_STATUS = "cache-status"


class Responder:
    """Makes the answers of the endpoint.

    Args:
        settings: Which codings and which sites there are.
        takes_sessions: Whether the methods of event streams that carry many operations are served.
        inserted: Headers that every answer has, by lower-case name.

    Attributes:
        allowed: The methods of the endpoint.
        cors: What pages of other origins may do; None without a policy.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        *,
        takes_sessions: bool,
        inserted: Mapping[str, str] | None = None,
    ) -> None:
        self._inserted = frozenset(inserted or ())
        more = b"".join(f"{n}: {v}\r\n".encode("latin-1") for n, v in (inserted or {}).items())
        self._content_types = {kind: line + more for kind, line in CONTENT_TYPES.items()}
        self._compression = settings.compression
        self.cors = Cors(settings.cors.policies) if settings.cors.policies else None
        own = ", PUT, DELETE" if takes_sessions else ""
        self.allowed = f"GET, HEAD, POST, OPTIONS{own}"

    def encode(
        self, head: RequestHead, answer: Answer, status: int
    ) -> AwaitableOrValue[HttpResponse]:
        """An answer in the coding that the client accepts, where that is worth while."""
        body, settings = answer.body, self._compression
        if len(body) < settings.min_size_bytes or not settings.encodings:
            return self.assemble(head, answer, status, body, b"")
        vary = b"vary: accept-encoding\r\n"
        accepts = head.client.headers.get("accept-encoding", "")
        encoding = choose_encoding(accepts, settings.encodings)
        if encoding is None:
            return self.assemble(head, answer, status, body, vary)
        lines = b"%bcontent-encoding: %b\r\n" % (vary, encoding.encode())
        assemble = partial(self.assemble, head, answer, status, more=lines)
        return then((answer.encoded or Encoded(body)).encode(encoding), assemble)

    def assemble(
        self, head: RequestHead, answer: Answer, status: int, body: bytes, more: bytes
    ) -> HttpResponse:
        """The answer as it is sent."""
        codes = answer.record.error_codes
        if answer.freshness or answer.headers:
            more += b"" if is_for_all(answer) else answer.record.quota_headers
        else:
            more += answer.record.quota_headers
        if codes:
            more += b"cache-control: no-store\r\n"
        if answer.freshness:
            more += freshness_lines(answer, head.method)
        if head.method != "POST":
            more += b"vary: accept\r\n"  # a cache may keep the answer to a GET
            if not codes and not says_cache_control(answer):
                more += b"cache-control: private, no-cache\r\n"
        if answer.headers:
            for name, value in answer.headers:
                if name not in self._inserted and not (codes and name == CACHE_CONTROL):
                    more += f"{name}: {value}\r\n".encode("latin-1")
        if self.cors is not None:
            more += self.cors.lines(head.client.headers.get("origin"))
        is_asked = answer.freshness and head.method == "GET" and is_told_fresh(answer)
        if is_asked and is_known(head.client.headers, etag_of(answer.body)):
            lines = b"x-request-id: %b\r\n%b" % (head.client.request_id.encode("latin-1"), more)
            return HttpResponse(304, lines, b"")
        lines = b"%bx-request-id: %b\r\ncontent-length: %d\r\n%b" % (
            self._content_types[head.media_type or JSON],
            head.client.request_id.encode("latin-1"),
            len(body),
            more,
        )
        return HttpResponse(status, lines, body)

    def with_cors(self, head: RequestHead, response: ResponseT) -> ResponseT:
        """An answer that was made elsewhere, with what the page that asked needs to read it."""
        if self.cors is not None:
            response.head += self.cors.lines(head.client.headers.get("origin"))
        return response

    def options(self, headers: Mapping[str, str]) -> HttpResponse:
        """What may be done here; and a browser's question, whether a page may."""
        lines = b"allow: %b\r\n" % self.allowed.encode()
        if self.cors is not None:
            if is_preflight("OPTIONS", headers):
                lines += self.cors.preflight(headers)
            else:
                lines += self.cors.lines(headers.get("origin"))
        return HttpResponse(204, lines, b"")


def says_cache_control(answer: Answer) -> bool:
    """Whether backends or resolvers have said who may keep an answer."""
    lines = [*(answer.headers or ()), *(answer.freshness or ())]
    return any(name == CACHE_CONTROL for name, _ in lines)


def is_for_all(answer: Answer) -> bool:
    """Whether a shared cache may keep an answer: what is one client's own does not belong into it."""
    lines = [*(answer.headers or ()), *(answer.freshness or ())]
    said = [value for name, value in lines if name == CACHE_CONTROL]
    return bool(said) and not any("private" in value or "no-store" in value for value in said)


def freshness_lines(answer: Answer, method: str) -> bytes:
    """What an answer says of its own freshness: to a GET all of it, else what has become of it here."""
    is_whole = method != "POST" and is_told_fresh(answer)
    lines = [header for header in answer.freshness or () if is_whole or header[0] == CACHE_STATUS]
    if is_whole:
        lines.append(("etag", etag_of(answer.body)))
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in lines)


def is_told_fresh(answer: Answer) -> bool:
    """Whether a client is told how long an answer is fresh: not of one with errors."""
    named = any(name == CACHE_CONTROL for name, _ in answer.freshness or ())
    return named and not answer.record.error_codes


def etag_of(body: bytes) -> str:
    """Of a body in whatever coding, and so a weak one. RFC 9110 §8.8.1"""
    return f'W/"{blake2b(body, digest_size=12).hexdigest()}"'


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether a client has the body already. RFC 9110 §13.1.2"""
    given = headers.get("if-none-match", "")
    known = {text.strip().removeprefix("W/") for text in given.split(",")}
    return given.strip() == "*" or etag.removeprefix("W/") in known
