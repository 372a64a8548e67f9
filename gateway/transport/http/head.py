"""The head of a request, as the handler has understood it, and as the adapters give it. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol

import msgspec

from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest
from gateway.transport.http.forwarded import Peer
from gateway.transport.stream.formats import StreamFormat

MAX_CLIENT_NAME = 128


class RawHead(Protocol):
    """A head as an adapter gives it.

    Attributes:
        method: In upper case.
        path: Decoded, below the path that the application is mounted at.
        query_string: As sent.
        headers: By lower-case name; repeated ones joined.
        repeated: The values of those that stand more than once.
        peer: Who is at the other end of its connection.
        root_path: Where the application is mounted.
    """

    method: str
    path: str
    query_string: bytes
    headers: dict[str, str]
    repeated: dict[str, list[str]] | None
    peer: Peer
    root_path: str


class RequestHead(msgspec.Struct):
    """What the head of a request decides.

    Attributes:
        client: The request's client.
        method: In upper case.
        query_string: As sent.
        document_id: The document that the URL names.
        media_type: Of an answer in one piece; None when the client accepts none.
        stream: How an answer that goes on is written; None for an answer in one piece.
        is_session: It is about an event stream that carries many operations.
        body: What is read: nothing (it is dropped), JSON when it is whole, or a form as it arrives.
        codings: Those of the body.
        identify: Finds who the client is, where that has to be awaited; None else.
    """

    client: ClientRequest
    method: str
    query_string: bytes
    document_id: str | None
    media_type: str | None
    stream: StreamFormat | None
    is_session: bool = False
    body: Literal["none", "json", "form"] = "none"
    codings: tuple[str, ...] = ()
    identify: Callable[[], Awaitable[Principal]] | None = None


def client_names(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The client's name and version by either convention, cut to what a log line should hold.

    They are shown in terminals, logs and reports: what is no printable character is replaced.
    """
    name = headers.get("graphql-client-name") or headers.get("apollographql-client-name")
    version = headers.get("graphql-client-version") or headers.get("apollographql-client-version")
    return printable(name) if name else None, printable(version) if version else None


def printable(name: str) -> str:
    """A name as everybody may be shown it."""
    name = name[:MAX_CLIENT_NAME]
    if name.isprintable():
        return name
    return "".join(one if one.isprintable() else "\ufffd" for one in name)
