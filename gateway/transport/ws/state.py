"""graphql-transport-ws without I/O: messages in, one event or none out, by a table.

    OPENED ── connection_init ──► INITIALIZING ── acknowledge ──► READY
      └────────────────┴──────────── any breach ─────────────────┴──► CLOSED

It must never send, wait, know the time, or look into what an operation asks. `id`s are the client's:
an operation that was cancelled may give its id to another at once, so operations are told apart by identity.

Source: the protocol's text in graphql-ws, PROTOCOL.md; the reasons of the close codes are its server's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from gateway.json_bytes import NotJSONError, read_strictly, write_json
from gateway.language.limits import values_within

SUBPROTOCOL = "graphql-transport-ws"
MAX_REASON_BYTES = 123
"""A control frame has at most 125 bytes, two of which are the code: RFC 6455 §5.5."""


class SocketState(Enum):
    """Where a connection is."""

    OPENED = "opened"
    INITIALIZING = "initializing"
    READY = "ready"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Close:
    """The connection is over: close it with this code."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that is to be sent."""

    text: str


@dataclass(frozen=True, slots=True)
class Initialise:
    """The client has introduced itself: answer with `acknowledge`, or close."""

    params: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class SocketOperation:
    """The client asks for an operation: run it, and answer with `next`, `error`, `complete`.

    Attributes:
        id: The client's name for it.
        payload: `query`, `variables`, `operationName`, `extensions`, not looked at.
    """

    id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cancel:
    """The client has left an operation."""

    operation: SocketOperation


@dataclass(frozen=True, slots=True)
class Refuse:
    """One operation more than is allowed: answer with `refusal`."""

    id: str


Event = Close | Reply | Initialise | SocketOperation | Cancel | Refuse

UNAUTHORIZED = Close(4401, "Unauthorized")
FORBIDDEN = Close(4403, "Forbidden")
NOT_ACCEPTABLE = Close(4406, "Subprotocol not acceptable")
INIT_TIMEOUT = Close(4408, "Connection initialisation timeout")
TOO_MANY_INITS = Close(4429, "Too many initialisation requests")
INTERNAL_ERROR = Close(4500, "Internal server error")
GOING_AWAY = Close(1001, "Going away")
TOO_LARGE = Close(1009, "Message too big")


MOST_INIT_VALUES = 256
"""In the payload of `connection_init`, which stays in memory: an empty list takes more of it than of the message."""


MAX_ID_LENGTH = 1_000
"""Of an operation, which has its `id` for as long as it goes on; clients number them, or take a UUID."""


class SocketProtocol:
    """The protocol's side of one socket.

    Args:
        max_operations: How many may be under way.

    Attributes:
        state: Where it is.
        operations: Those under way, by id.
    """

    __slots__ = ("_max_operations", "operations", "state")

    def __init__(self, max_operations: int) -> None:
        self.state = SocketState.OPENED
        self.operations: dict[str, SocketOperation] = {}
        self._max_operations = max_operations

    def __repr__(self) -> str:
        return f"<Connection {self.state.value}, operations {sorted(self.operations)}>"

    def receive(self, text: str | bytes) -> Event | None:
        """What a message of the client means. None: nothing is to be done.

        Shape: bytes stand for a binary frame, which the protocol does not have.
        """
        if self.state is SocketState.CLOSED:
            return None
        if isinstance(text, bytes):
            return self._breach("Messages are text")
        try:
            message = read_strictly(text)
        except NotJSONError:
            return self._breach("Invalid message: not JSON")
        kind = message.get("type") if isinstance(message, dict) else None
        row = TABLE[self.state]
        if not isinstance(kind, str) or kind not in row:
            return self._breach(f"Invalid message type {kind!r}")
        action = row[kind]
        return self.close(action) if isinstance(action, Close) else action(self, message)

    def close(self, how: Close) -> Close:
        """End it: nothing is sent or understood any more."""
        self.state = SocketState.CLOSED
        self.operations.clear()
        return Close(how.code, cut(how.reason))

    def time_out(self) -> Close | None:
        """The time to introduce oneself is over."""
        return self.close(INIT_TIMEOUT) if self.state is SocketState.OPENED else None

    def acknowledge(self) -> str | None:
        """The answer to `Initialise`."""
        if self.state is not SocketState.INITIALIZING:
            return None
        self.state = SocketState.READY
        return '{"type":"connection_ack"}'

    def next(self, operation: SocketOperation, body: bytes) -> str | None:
        """One result of an operation; None when it is over."""
        if self.operations.get(operation.id) is not operation:
            return None
        return f'{{"id":{quoted(operation.id)},"type":"next","payload":{body.decode()}}}'

    def error(self, operation: SocketOperation, errors: list[Any]) -> str | None:
        """The end of an operation that failed; None when it is over already."""
        if not self._end(operation):
            return None
        return refusal(operation.id, errors)

    def complete(self, operation: SocketOperation) -> str | None:
        """The end of an operation; None when it is over already."""
        if not self._end(operation):
            return None
        return f'{{"id":{quoted(operation.id)},"type":"complete"}}'

    def _end(self, operation: SocketOperation) -> bool:
        if self.operations.get(operation.id) is not operation:
            return False
        del self.operations[operation.id]
        return True

    def _breach(self, reason: str) -> Close:
        return self.close(Close(4400, reason))

    def _initialize(self, message: dict[str, Any]) -> Event:
        params = message.get("payload")
        if params is not None and not isinstance(params, dict):
            return self._breach("The payload of connection_init must be an object")
        if sum(len(items) for items, _ in values_within(params)) >= MOST_INIT_VALUES:
            return self._breach(
                f"The payload of connection_init has more than {MOST_INIT_VALUES} values"
            )
        self.state = SocketState.INITIALIZING
        return Initialise(params or {})

    def _pong(self, message: dict[str, Any]) -> Event:
        payload = message.get("payload")
        if payload is None:
            return Reply('{"type":"pong"}')
        if not isinstance(payload, dict):
            return self._breach("The payload of ping must be an object")
        try:
            return Reply(write_json({"type": "pong", "payload": payload}).decode())
        except TypeError:  # orjson reads what is nested deeper than it writes
            return self._breach("The payload of ping is nested too deeply")

    def _ignore(self, message: dict[str, Any]) -> Event | None:
        if not isinstance(message.get("payload", {}), dict | None):
            return self._breach("The payload of pong must be an object")
        return None

    def _subscribe(self, message: dict[str, Any]) -> Event:
        id_, payload = message.get("id"), message.get("payload")
        if not isinstance(id_, str) or not id_:
            return self._breach("The id of subscribe must be a string that is not empty")
        if len(id_) > MAX_ID_LENGTH:
            return self._breach(f"The id of subscribe has more than {MAX_ID_LENGTH} characters")
        if not isinstance(payload, dict):
            return self._breach("The payload of subscribe must be an object")
        if id_ in self.operations:
            return self.close(Close(4409, f"Subscriber for {id_} already exists"))
        if len(self.operations) >= self._max_operations:
            return Refuse(id_)
        operation = self.operations[id_] = SocketOperation(id_, payload)
        return operation

    def _cancel(self, message: dict[str, Any]) -> Event | None:
        id_ = message.get("id")
        if not isinstance(id_, str) or not id_:
            return self._breach("The id of complete must be a string that is not empty")
        # Ends may cross on the wire: an unknown id is no breach.
        operation = self.operations.pop(id_, None)
        return Cancel(operation) if operation else None


def refusal(id_: str, errors: list[Any]) -> str:
    """The end of an operation with request errors."""
    return orjson.dumps({"id": id_, "type": "error", "payload": errors}).decode()


def quoted(text: str) -> str:
    """A string as JSON. The client's own: it came as JSON."""
    return orjson.dumps(text).decode()


def cut(reason: str) -> str:
    """A reason that fits into a close frame, cut between characters."""
    return reason.encode("utf-8", "replace")[:MAX_REASON_BYTES].decode("utf-8", "ignore")


Action = Callable[[SocketProtocol, dict[str, Any]], Event | None]
_ANYWHERE: dict[str, Action | Close] = {
    "ping": SocketProtocol._pong,
    "pong": SocketProtocol._ignore,
}
TABLE: dict[SocketState, dict[str, Action | Close]] = {
    SocketState.OPENED: {
        **_ANYWHERE,
        "connection_init": SocketProtocol._initialize,
        "subscribe": UNAUTHORIZED,
        "complete": SocketProtocol._cancel,
    },
    SocketState.INITIALIZING: {
        **_ANYWHERE,
        "connection_init": TOO_MANY_INITS,
        "subscribe": UNAUTHORIZED,
        "complete": SocketProtocol._cancel,
    },
    SocketState.READY: {
        **_ANYWHERE,
        "connection_init": TOO_MANY_INITS,
        "subscribe": SocketProtocol._subscribe,
        "complete": SocketProtocol._cancel,
    },
}
