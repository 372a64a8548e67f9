"""No message makes the state of a WebSocket raise, grow without end, or say what the protocol does not allow.

The invariants, after any sequence of messages and answers: nothing raises; after a close nothing is understood
or sent; no operation starts before the acknowledgement; an operation that is over is never answered; what is
sent is JSON of the protocol's own types, and belongs to an operation that is open.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.transport.ws.state import (
    TABLE,
    Cancel,
    Close,
    Initialise,
    Refuse,
    Reply,
    SocketOperation,
    SocketProtocol,
    SocketState,
    cut,
)

IDS = st.sampled_from(["a", "b", "ü", '"\\'])
CODES = {1009, 4400, 4401, 4403, 4406, 4408, 4409, 4429, 4500, 1001}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
KINDS = ["connection_init", "subscribe", "complete", "ping", "pong", "next", "error", "", 5, None]
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={"id": IDS | JSON, "payload": st.dictionaries(st.text(), JSON) | JSON, "more": JSON},
)
MOST = 3


class Sockets(RuleBasedStateMachine):
    """A client that sends anything, and a server that answers when it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = SocketProtocol(MOST)
        self.started: list[SocketOperation] = []
        self.is_acknowledged = False
        self.is_closed = False

    def receive(self, text: str | bytes) -> None:
        before = dict(self.connection.operations)
        event = self.connection.receive(text)
        if self.is_closed:
            assert event is None
        match event:
            case None:
                pass
            case Close(code, reason):
                assert code in CODES
                assert len(reason.encode()) <= 123
                self.is_closed = True
            case Reply(reply):
                assert orjson.loads(reply)["type"] == "pong"
            case Initialise(params):
                assert not self.is_acknowledged
                assert isinstance(params, dict)
            case SocketOperation() as operation:
                assert self.is_acknowledged
                assert operation.id not in before
                self.started.append(operation)
            case Cancel(operation):
                assert before[operation.id] is operation
            case Refuse():
                assert len(before) == MOST

    @rule(message=MESSAGES)
    def message(self, message: Any) -> None:
        self.receive(json.dumps(message))

    @rule(id_=IDS)
    def subscribe(self, id_: str) -> None:
        message = {"type": "subscribe", "id": id_, "payload": {"query": "{ a }"}}
        self.receive(json.dumps(message))

    @rule(id_=IDS)
    def leave(self, id_: str) -> None:
        self.receive(json.dumps({"type": "complete", "id": id_}))

    @rule(text=st.text() | st.binary())
    def garbage(self, text: str | bytes) -> None:
        self.receive(text)

    @rule()
    def introduce(self) -> None:
        self.receive('{"type":"connection_init"}')

    @rule()
    def acknowledge(self) -> None:
        text = self.connection.acknowledge()
        if text is not None:
            assert not self.is_closed
            assert orjson.loads(text) == {"type": "connection_ack"}
            self.is_acknowledged = True

    @rule()
    def time_out(self) -> None:
        if self.connection.time_out() is not None:
            assert not self.is_acknowledged
            self.is_closed = True

    @precondition(lambda self: self.started)
    @rule(data=st.data(), how=st.sampled_from(["next", "error", "complete"]))
    def answer(self, data: Any, how: str) -> None:
        operation = data.draw(st.sampled_from(self.started))
        is_open = self.connection.operations.get(operation.id) is operation
        if how == "next":
            text = self.connection.next(operation, b'{"data":{"a":1}}')
        elif how == "error":
            text = self.connection.error(operation, [{"message": "m"}])
        else:
            text = self.connection.complete(operation)
        assert (text is not None) == is_open
        if text is not None:
            sent = orjson.loads(text)
            assert (sent["type"], sent["id"]) == (how, operation.id)
            assert ("payload" in sent) == (how != "complete")
            assert (operation.id in self.connection.operations) == (how == "next")

    @invariant()
    def bounded(self) -> None:
        assert len(self.connection.operations) <= MOST
        if self.is_closed:
            assert self.connection.state is SocketState.CLOSED
            assert not self.connection.operations


TestSockets = Sockets.TestCase
TestSockets.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


@given(st.text())
def test_a_reason_fits_into_a_close_frame(text: str) -> None:
    encoded = cut(text).encode()
    assert len(encoded) <= 123


def test_every_state_knows_every_message() -> None:
    assert set(TABLE) == set(SocketState) - {SocketState.CLOSED}
    kinds = {"connection_init", "subscribe", "complete", "ping", "pong"}
    assert all(set(row) == kinds for row in TABLE.values())


def test_a_ping_nested_deeper_than_can_be_written() -> None:
    connection = SocketProtocol(1)
    deep = '{"a":' * 500 + "1" + "}" * 500
    event = connection.receive('{"type":"ping","payload":' + deep + "}")
    assert isinstance(event, Close | Reply)
