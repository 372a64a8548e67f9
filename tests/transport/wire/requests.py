"""What a message asks for: bodies, types, methods, paths. Any server that holds the application answers the same."""

from __future__ import annotations

import gzip

from tests.transport.wire.case import (
    HOST,
    JSON,
    LINE,
    Case,
    Status,
    Then,
    asks,
    chunk,
    chunked,
    chunked_raw,
    get,
    message,
    post,
    split_head,
)

LARGEST = 100_000  # http.max_body_bytes
BODY = asks("a")
HTTP = "GraphQL over HTTP"


def asked(
    name: str, sent: bytes, *ran: str, status: Status = 200, rule: str = HTTP, method: str = "POST"
) -> Case:
    """A request, and a good one behind it on the same connection."""
    return Case(
        name=name,
        sent=(sent + post("behind"),),
        answers=(status, 200),
        ran=(*ran, "behind"),
        then="open",
        rule=rule,
        method=method,
        is_framing=False,
    )


def over(name: str, *sent: bytes, then: Then = "closed") -> Case:
    """A body that is too large: the answer is read by a client that still sends."""
    rule = "RFC 9110 §15.5.14"
    return Case(name=name, sent=sent, answers=(413,), then=then, rule=rule, is_framing=False)


def as_type(content_type: bytes, body: bytes = BODY) -> bytes:
    """A POST of another type."""
    return post(body).replace(JSON, b"content-type: " + content_type)


def coded(coding: bytes, body: bytes) -> bytes:
    """A compressed POST."""
    return post(body, b"content-encoding: " + coding)


def at(path: bytes, method: bytes = b"GET") -> bytes:
    """A request without a body."""
    return message(b"%b %b HTTP/1.1" % (method, path), HOST)


QUERY = b"/graphql?query={echo(text:%22a%22)}"
CASES = [
    asked("a POST", post("a"), "a"),
    asked("a POST in chunks", chunked("a"), "a"),
    asked("a POST with a query string", post("a", line=b"POST /graphql?a=b HTTP/1.1"), "a"),
    asked("a POST with an empty query string", post("a", line=b"POST /graphql? HTTP/1.1"), "a"),
    asked("a GET", get("a"), "a", method="GET"),
    asked("a GET with a body", message(b"GET %b HTTP/1.1" % QUERY, HOST, b"content-length: 100", body=post("inner").ljust(100)[:100]), "a", method="GET", rule="RFC 9110 §9.3.1"),
    asked("a GET with a body in chunks", message(b"GET %b HTTP/1.1" % QUERY, HOST, b"transfer-encoding: chunked", body=chunk(post("inner")) + b"0\r\n\r\n"), "a", method="GET", rule="RFC 9110 §9.3.1"),
    asked("a HEAD", at(QUERY, b"HEAD"), "a", method="HEAD", rule="RFC 9110 §9.3.2"),
    asked("a HEAD of an unknown path", at(b"/nowhere", b"HEAD"), status=404, method="HEAD", rule="RFC 9110 §9.3.2"),
    asked("OPTIONS", at(b"/graphql", b"OPTIONS"), status=204, method="OPTIONS"),
    asked("OPTIONS with a body", post("inner", line=b"OPTIONS /graphql HTTP/1.1"), status=204, method="OPTIONS"),
    asked("a mutation by GET", at(b"/graphql?query=mutation{write(text:%22a%22)}"), status=405, method="GET"),
    asked("a method that is not for it", post("inner", line=b"PATCH /graphql HTTP/1.1"), status=405),
    asked("TRACE", at(b"/graphql", b"TRACE"), status=(405, 501), method="TRACE"),
    # Bodies
    asked("no JSON", post(b"{"), status=400),
    asked("nothing", post(b""), status=400),
    asked("a request as a body", post(post("inner")), status=400),
    asked("a batch", post(b"[" + BODY + b"," + asks("b") + b"]"), "a", "b"),
    asked("a batch of none", post(b"[]"), status=400),
    asked("a compressed body", coded(b"gzip", gzip.compress(BODY)), "a"),
    asked("a compressed body in chunks", chunked(gzip.compress(BODY), b"content-encoding: gzip"), "a"),
    asked("a body that says that it is as it is", coded(b"identity", BODY), "a"),
    asked("a body in an unknown coding", coded(b"snappy", BODY), status=415),
    asked("a body that is not compressed", coded(b"gzip", BODY), status=400),
    asked("a body at the limit", post(BODY.ljust(LARGEST)), "a"),
    asked("chunks at the limit", chunked(BODY.ljust(LARGEST)), "a"),
    asked("another type", as_type(b"text/plain"), status=415),
    asked("no type", message(LINE, HOST, b"content-length: %d" % len(BODY), body=BODY), status=415),
    asked("JSON in UTF-8", as_type(b'application/json; charset="utf-8"'), "a"),
    asked("JSON in another encoding", as_type(b"application/json; charset=utf-16"), status=415),
    asked("a form", as_type(b"application/x-www-form-urlencoded", b"query={echo}"), status=415),
    asked("a type that is not accepted", post("inner", b"accept: text/html"), status=406),
    over("a body beyond the limit", post(BODY.ljust(LARGEST + 1)), then="any"),
    over("a body beyond the limit, announced", split_head(post(b" " * (LARGEST + 1)))[0], then="any"),
    over("a body beyond the limit that still comes", split_head(post(b" " * 10 * LARGEST))[0], *[b" " * LARGEST] * 10, then="any"),
    over("a body far beyond the limit, announced", split_head(post(b" " * 50 * LARGEST))[0]),
    over("chunks beyond the limit", chunked(BODY.ljust(LARGEST + 1))),
    over("chunks beyond the limit without an end", chunked_raw(b""), *[chunk(b" " * 9_000)] * 12),
    over("a compressed body beyond the limit", coded(b"gzip", gzip.compress(BODY.ljust(LARGEST + 1))), then="any"),
    # Paths
    asked("an unknown path", post("inner", line=b"POST /nowhere HTTP/1.1"), status=404),
    asked("an unknown path by GET", at(b"/nowhere"), status=404, method="GET"),
    asked("the root", at(b"/"), status=(307, 404), method="GET"),
    asked("two slashes", at(b"/" + QUERY), status=404, method="GET"),
    asked("a path in capitals", at(b"/GraphQL"), status=404, method="GET"),
    asked("a path that climbs", at(b"/x/../graphql?query={echo(text:%22a%22)}"), status=404, method="GET"),
    asked("a path that climbs in percents", at(b"/graphql/..%2f..%2fetc%2fpasswd"), status=404, method="GET"),
    asked("a path in percents", at(QUERY.replace(b"graphql", b"gr%61phql")), "a", method="GET"),
    asked("percents that are none", at(b"/graph%zz"), status=(400, 404), method="GET"),
    asked("a document that nobody knows", post(b"{}", line=b"POST /graphql/sha256:00 HTTP/1.1"), status=(200, 400, 404)),
]  # fmt: skip
PLAIN = {
    "/health/live": b"live",
    "/health/ready": b"ready",
}
