"""What becomes of a connection: kept, closed, requests in advance of their answers."""

from __future__ import annotations

from tests.transport.wire.case import (
    HOST,
    JSON,
    LINE,
    Case,
    asks,
    chunked,
    fine,
    get,
    message,
    post,
)

KEPT, PIPELINED = "RFC 9112 §9.3", "RFC 9112 §9.3.2"
OLD = b"POST /graphql HTTP/1.0"
BROKEN = message(LINE, HOST, b"content-length: x")


def last(name: str, sent: bytes, rule: str = "RFC 9112 §9.6") -> Case:
    """The connection is over behind the first answer, whatever the client has sent in advance."""
    return Case(name=name, sent=(sent + post("behind"),), answers=(200,), ran=("a",), rule=rule)


CASES = [
    fine("one after the other", post("a"), post("b"), get("c"), chunked("d"), rule=KEPT, ran=("a", "b", "c", "d")),
    fine("in one write", post("a") + get("b") + chunked("c") + post("d"), rule=PIPELINED, ran=("a", "b", "c", "d")),
    fine("fifty in one write", b"".join(post(str(n)) for n in range(50)), rule=PIPELINED, ran=tuple(map(str, range(50)))),
    fine("the second begins in the first one's read", post("a") + post("b")[:40], post("b")[40:], rule=PIPELINED, ran=("a", "b")),
    last("close", post("a", b"connection: close")),
    last("close in capitals", post("a", b"Connection: Close")),
    last("close among others", post("a", b"connection: keep-alive, close")),
    last("close in a second line", post("a", b"connection: keep-alive", b"connection: close")),
    last("close with chunks", chunked("a", b"connection: close")),
    last("close by GET", get("a", b"connection: close")),
    last("HTTP/1.0", post("a", line=OLD), rule=KEPT),
    Case(name="HTTP/1.0 that is kept", sent=(post("a", b"connection: keep-alive", line=OLD),), answers=(200,), ran=("a",), then="any", rule=KEPT),
    fine("an option that nobody knows", post("a", b"connection: x-other"), rule=KEPT),
    Case(name="a refusal before good ones", sent=(post(b"{") + get("a") + message(b"GET /nowhere HTTP/1.1", HOST) + post("b"),), answers=(400, 200, 404, 200), ran=("a", "b"), then="open", rule=PIPELINED),
    Case(name="a broken message behind good ones", sent=(post("a") + post("b") + BROKEN + post("behind"),), answers=(200, 200, 400), ran=("a", "b"), rule=PIPELINED),
    Case(name="a broken message in a read of its own", sent=(post("a"), BROKEN + post("behind"), post("behind")), answers=(200, 400), ran=("a",), rule=PIPELINED),
    Case(name="a message that is not whole behind good ones", sent=(post("a") + post("b")[:-1],), answers=(200,), ran=("a",), then="waits", rule=PIPELINED),
    Case(name="a connection that says nothing", sent=(), answers=(), then="waits", rule=KEPT),
    Case(name="half a head", sent=(message(LINE, HOST, JSON)[:-3],), answers=(), then="waits", rule=KEPT),
    Case(name="a request that is not for us before a large one", sent=(post(asks("x").ljust(50_000), line=b"POST /nowhere HTTP/1.1") + post(asks("a").ljust(50_000)),), answers=(404, 200), ran=("a",), then="open", rule=PIPELINED),
]  # fmt: skip
