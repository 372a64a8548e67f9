"""Bodies that came before: what is remembered is what was read, and nothing that one request could change for the next."""

from __future__ import annotations

import orjson
import pytest

from gateway.errors import ClientError
from gateway.pipeline.pipeline import GraphQLParams
from gateway.transport.http.params import (
    MAX_REMEMBERED,
    MAX_REMEMBERED_BYTES,
    Memory,
    params_of_json,
)


def body(**members: object) -> bytes:
    return orjson.dumps({"query": "{ a }", **members})


@pytest.mark.parametrize(
    "sent",
    [body(), body(variables={"a": 1, "b": "x", "c": None, "d": 1.5, "e": True}), body(operationName="A")],
)  # fmt: skip
def test_an_equal_body_is_read_once(sent: bytes) -> None:
    memory = Memory()
    first = memory.read(sent)
    assert first is memory.read(bytes(bytearray(sent)))
    assert isinstance(first, GraphQLParams)
    assert first.is_remembered
    fresh = params_of_json(sent)
    assert isinstance(fresh, GraphQLParams)
    fresh.is_remembered = True
    assert first == fresh


@pytest.mark.parametrize(
    "sent",
    [
        body(variables={"a": [1]}),
        body(variables={"a": {"b": 1}}),
        body(documentId="x"),
        body(extensions={}),
        body(variables={"a": "x" * MAX_REMEMBERED_BYTES}),
        b"[" + body() + b"]",
    ],
)
def test_what_could_be_changed_or_is_large_is_read_each_time(sent: bytes) -> None:
    memory = Memory()
    assert memory.read(sent) is not memory.read(sent)


def test_what_is_refused_is_refused_again() -> None:
    memory = Memory()
    for _ in range(2):
        with pytest.raises(ClientError):
            memory.read(b"{")


def test_it_is_bounded() -> None:
    memory = Memory()
    first = memory.read(body())
    for number in range(MAX_REMEMBERED):
        memory.read(body(operationName=str(number)))
    assert memory.read(body()) is not first
