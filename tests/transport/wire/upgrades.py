"""`Upgrade` and CONNECT: what is not taken is a request like any other, and its body is a body."""

from __future__ import annotations

from collections.abc import Iterator

from tests.transport.wire.case import (
    CRLF,
    HOST,
    JSON,
    LINE,
    Case,
    asks,
    chunk,
    get,
    message,
    post,
    refused,
)

WEBSOCKET = (
    b"connection: Upgrade",
    b"upgrade: websocket",
    b"sec-websocket-version: 13",
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
)
OFFERS = {
    "h2c": (
        b"connection: Upgrade, HTTP2-Settings",
        b"upgrade: h2c",
        b"http2-settings: AAMAAABkAAQCAAAAAAIAAAAA",
    ),
    "an unknown token": (b"connection: upgrade", b"upgrade: teleport/9"),
    "a WebSocket on POST": WEBSOCKET,
    "a token that Connection does not name": (b"upgrade: h2c",),
    "several tokens": (b"connection: keep-alive, Upgrade", b"upgrade: h2c, websocket, teleport"),
    "an empty token": (b"connection: upgrade", b"upgrade: "),
}
RULE = "RFC 9110 §7.8"


def framed(framing: str, body: bytes, *headers: bytes, line: bytes = LINE) -> tuple[bytes, bytes]:
    """The head and the body of a request."""
    if framing == "length":
        return message(line, HOST, JSON, *headers, b"content-length: %d" % len(body)), body
    coded = chunk(body[:9]) + chunk(body[9:]) + b"0\r\n\r\n"
    return message(line, HOST, JSON, *headers, b"transfer-encoding: chunked"), coded


def combinations() -> Iterator[Case]:
    """Each offer, each framing, the body in the same read and in the next one."""
    inner = post("inner", b"x-user: admin")
    for offer, headers in OFFERS.items():
        for framing in ("length", "chunks"):
            for reads in ("the same read", "the next read"):
                name = f"{offer}, {framing}, body in {reads}"
                for what, body, status, ran in (
                    ("a request", asks("a"), 200, ("a", "behind")),
                    ("a request in the body", inner, 400, ("behind",)),
                ):
                    head, rest = framed(framing, body, *headers)
                    rest += post("behind")
                    pieces = (head + rest,) if reads == "the same read" else (head, rest)
                    yield Case(
                        name=f"{what}: {name}",
                        sent=pieces,
                        answers=(status, 200),
                        ran=ran,
                        then="open",
                        rule=RULE,
                    )


def tunnels() -> Iterator[Case]:
    """CONNECT asks for a tunnel: refused, and nothing behind it is a request."""
    for target in (b"example.org:443", b"test:80", b"/graphql"):
        line = b"CONNECT %b HTTP/1.1" % target
        for framing in ("length", "chunks"):
            for reads in ("the same read", "the next read"):
                head, body = framed(framing, post("inner"), line=line)
                pieces = (head + body,) if reads == "the same read" else (head, body)
                yield refused(
                    f"CONNECT {target.decode()}, {framing}, body in {reads}",
                    *pieces,
                    status=(400, 405, 501),
                    rule="RFC 9110 §9.3.6",
                )
        yield refused(
            f"CONNECT {target.decode()} without a body",
            message(line, HOST),
            status=(400, 405, 501),
            rule="RFC 9110 §9.3.6",
        )


CASES = [
    *combinations(),
    *tunnels(),
    *(
        Case(
            name=f"GET with {offer}",
            sent=(get("a", *headers) + get("b"),),
            answers=(200, 200),
            ran=("a", "b"),
            then="open",
            rule=RULE,
            method="GET",
        )
        for offer, headers in OFFERS.items()
        if headers is not WEBSOCKET
    ),
    Case(
        name="an offer in HTTP/1.0 is ignored",
        sent=(post("a", *OFFERS["h2c"], line=b"POST /graphql HTTP/1.0"),),
        answers=(200,),
        ran=("a",),
        rule=RULE,
    ),
    Case(
        name="an offer and an expectation",
        sent=framed("length", asks("a"), *OFFERS["h2c"], b"expect: 100-continue"),
        answers=(200,),
        interim=(100,),
        ran=("a",),
        then="open",
        rule=RULE + ", §10.1.1",
    ),
    Case(
        name="a body that ends with a head that is not whole",
        sent=(
            b"".join(framed("length", post("inner")[:-5], *OFFERS["h2c"])),
            post("inner")[-5:] + CRLF * 2,
        ),
        answers=(400, 400),
        rule="RFC 9112 §6.3",
    ),
    Case(
        name="a body in many reads",
        sent=(
            framed("length", asks("a"), *OFFERS["h2c"])[0],
            *(asks("a")[at : at + 5] for at in range(0, len(asks("a")), 5)),
            post("behind", *OFFERS["h2c"]),
        ),
        answers=(200, 200),
        ran=("a", "behind"),
        then="open",
        rule=RULE,
    ),
]
