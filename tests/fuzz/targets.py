"""What is fuzzed: functions of bytes that assert what must hold for any input, and inputs to begin with.

`python -m tests.fuzz NAME --seconds 600` runs one under atheris, which steers by coverage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest.mock import patch

import orjson
from graphql import GraphQLError, build_schema, parse, validate

from gateway.codings.encode import choose_encoding
from gateway.errors import ClientError, RequestError
from gateway.graph.uploads import Upload
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.language.normalize import Normalized
from gateway.language.slots import find_slots
from gateway.pipeline.explain import Explain, ExplainSettings
from gateway.pipeline.found_plan import Key, MadePlan
from gateway.pipeline.operation import GraphQLParams
from gateway.pipeline.plan_cache import PlanCache
from gateway.pipeline.settings import PlanCacheSettings
from gateway.telemetry.propagation import PARSERS
from gateway.transport.http import uploads
from gateway.transport.http.graphiql import wants_page
from gateway.transport.http.negotiate import GRAPHQL_RESPONSE, JSON, is_json_request, response_type
from gateway.transport.http.params import params_of, params_of_json, params_of_query
from gateway.transport.http.upload_map import placed
from gateway.transport.http.uploads import UploadForm, is_form, read_upload
from gateway.transport.settings import UploadSettings
from gateway.transport.stream.formats import stream_format
from gateway.transport.ws.state import (
    Cancel,
    Close,
    Initialise,
    Refuse,
    Reply,
    SocketOperation,
    SocketProtocol,
)
from tests.fuzz.reading import SEEDS, reader

SCHEMA = build_schema("""
    directive @note(text: String, n: Int) on FIELD | QUERY | VARIABLE_DEFINITION
    scalar Own
    enum Color { RED }
    input In { s: String = "x", n: Int, list: [Float], own: Own }
    type Query { a(s: String, n: Int, f: Float, id: ID, own: Own, color: Color, in: In): Query b: String }
""")
MOST_OPERATIONS = 3
ENCODINGS = ("zstd", "br", "gzip")
Read = Callable[[bytes], GraphQLParams | list[GraphQLParams]]


@dataclass(frozen=True, slots=True)
class Target:
    """One of them.

    Attributes:
        run: Raises AssertionError, or anything else, for an input that breaks something.
        seeds: Inputs to begin with.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def request(data: bytes) -> None:
    """A body or a query string becomes parameters of the right types, or is refused."""
    forms: dict[bytes, Read] = {
        b"u": params_of_form,
        b"s": params_of_stream,
        b"q": params_of_query,
    }
    read = forms.get(data[:1], params_of_json)
    try:
        sent = read(data[1:])
    except ClientError as refused:
        if not 400 <= refused.http_status < 500:
            raise
        return
    for params in sent if isinstance(sent, list) else [sent]:
        assert isinstance(params, GraphQLParams)
        assert params.query is None or isinstance(params.query, str)
        assert params.variables is None or isinstance(params.variables, dict)
        assert params.extensions is None or isinstance(params.extensions, dict)


def params_of_form(data: bytes) -> GraphQLParams | list[GraphQLParams]:
    """Those of a form with files, which comes in pieces."""
    form = UploadForm(b"x", UploadSettings(enabled=True), 10_000)
    try:
        for at in range(0, len(data), 7):
            form.feed(data[at : at + 7])
    finally:
        form.close()
    return params_of(placed(form.fields, form.files), None)


def params_of_stream(data: bytes) -> GraphQLParams | list[GraphQLParams]:
    """Those of a form whose last file is read while it comes: it has the bytes that it has when it is kept."""
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)] or [b""]
    settings = UploadSettings(enabled=True, max_file_size_bytes=200)

    def told(how: UploadSettings) -> tuple[Any, dict[str, bytes]]:
        messages = iter(pieces)
        left = len(pieces)

        async def receive() -> dict[str, Any]:
            nonlocal left
            left -= 1
            return {"type": "http.request", "body": next(messages), "more_body": left > 0}

        async def read() -> tuple[Any, dict[str, bytes]]:
            sent = await read_upload(receive, "multipart/form-data; boundary=x", how, 10_000)
            return sent, {path: await file.read() for path, file in files_in(sent, "")}

        with patch.object(uploads, "MEMORY_BYTES", 3):
            return asyncio.run(read())

    sent, streamed = told(settings)  # what is refused is refused when it is kept, too
    assert told(replace(settings, stream=False))[1] == streamed
    return params_of(sent, None)


def files_in(value: Any, path: str) -> Iterator[tuple[str, Upload]]:
    """The files in decoded JSON, and where each stands."""
    if isinstance(value, Upload):
        yield path, value
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield from files_in(item, f"{path}.{name}")


def negotiation(data: bytes) -> None:
    """No header makes what reads it raise, or choose what is not offered."""
    text = data.decode("latin-1")
    assert response_type(text) in (None, JSON, GRAPHQL_RESPONSE)
    assert is_json_request(text) in (True, False)
    assert is_form(text) in (True, False)
    stream_format(text)
    assert choose_encoding(text, ENCODINGS) in (None, *ENCODINGS)
    wants_page("GET", {"accept": text}, data)
    for name, read in zip(("traceparent", "b3", "uber-trace-id"), PARSERS.values(), strict=True):
        found = read({name: text})
        assert found is None or (0 < int(found[0], 16) < 2**128 and 0 < int(found[1], 16) < 2**64)
    signed = Explain(ExplainSettings(trace_header="signed"), {"GATEWAY_TRACE_SECRET": "s" * 16})
    assert not signed.asks_trace({"x-gateway-trace": text})


def web_socket(data: bytes) -> None:
    """Messages, one a line; `!` acknowledges, `.`, `=` and `-` are the oldest operation's next, end and failure.

    The state keeps to the protocol whatever comes.
    """
    connection = SocketProtocol(MOST_OPERATIONS)
    is_acknowledged = is_closed = False
    for line in data.split(b"\n"):
        if line == b"!":
            is_acknowledged = connection.acknowledge() is not None or is_acknowledged
            continue
        if line in (b".", b"=", b"-"):
            check_answers(connection, line)
            continue
        message: str | bytes = line
        with suppress(UnicodeDecodeError):  # that is a binary message
            message = line.decode()
        before = dict(connection.operations)
        event = connection.receive(message)
        assert event is None or not is_closed
        match event:
            case Close(code, reason):
                assert code in {1009, 4400, 4401, 4403, 4406, 4408, 4409, 4429}
                assert len(reason.encode()) <= 123
                is_closed = True
            case Reply(reply):
                assert orjson.loads(reply)["type"] == "pong"
            case Initialise():
                assert not is_acknowledged
            case SocketOperation(id=name):
                assert is_acknowledged
                assert name not in before
            case Cancel(operation):
                assert before[operation.id] is operation
            case Refuse():
                assert len(before) == MOST_OPERATIONS
        assert len(connection.operations) <= MOST_OPERATIONS


def check_answers(connection: SocketProtocol, what: bytes) -> None:
    """An operation under way has results until its one end."""
    for operation in list(connection.operations.values())[:1]:
        if what == b".":
            sent = connection.next(operation, b'{"data":null}')
        else:
            end = connection.complete if what == b"=" else partial(connection.error, errors=[])
            sent = end(operation)
            assert operation.id not in connection.operations
            assert connection.next(operation, b"{}") is None
            assert connection.complete(operation) is None
        assert sent is not None
        assert orjson.loads(sent)["id"] == operation.id


def compile_text(key: Key, normalized: Normalized | None) -> MadePlan[str]:
    """As the service does on a miss, with the text in the place of a plan."""
    document = load_document(key.text, SCHEMA, Limits())
    return MadePlan(key.text, find_slots(SCHEMA, document, normalized) if normalized else None)


def is_valid(text: str) -> bool:
    """Whether the reference accepts a document."""
    try:
        return not validate(SCHEMA, parse(text))
    except (GraphQLError, UnicodeError, RecursionError):
        return False


PLANS: PlanCache[Any] = PlanCache(PlanCacheSettings(max_entries=200), compile_text)


def literals(data: bytes) -> None:
    """The plan cache accepts a text exactly when the reference does, whatever it was asked before."""
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        PLANS.lookup(text, None)
    except RequestError:
        is_accepted = False
    except ClientError:
        return  # over a limit: the reference has none
    else:
        is_accepted = True
    assert is_accepted == is_valid(text), text


TARGETS = {
    "reader": Target(reader, SEEDS),
    "request": Target(
        request,
        (
            b'j{"query":"{ a }","variables":{"n":1},"operationName":"Q","extensions":{}}',
            b'j[{"query":"{ a }"},{"documentId":"sha256:0"}]',
            b"qquery=%7Ba%7D&variables=%7B%22n%22%3A1%7D&extensions=%7B%7D&operationName=Q",
            b'u--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{"query":"m","variables":{"f":null}}\r\n'
            b'--x\r\ncontent-disposition: form-data; name="map"\r\n\r\n{"0":["variables.f"]}\r\n'
            b'--x\r\ncontent-disposition: form-data; name="0"; filename="a"\r\n\r\nA\r\n--x--\r\n',
            b's--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{"query":"m","variables":{"f":null,"g":null}}\r\n'
            b'--x\r\ncontent-disposition: form-data; name="map"\r\n\r\n{"0":["variables.f"],"1":["variables.g"]}\r\n'
            b'--x\r\ncontent-disposition: form-data; name="0"; filename="a"\r\n\r\n0123456789abcdef\r\n'
            b'--x\r\ncontent-disposition: form-data; name="1"; filename="b"\r\n\r\n0123456789\r\n-0123456789\r\n--x--\r\n',
        ),
    ),
    "negotiation": Target(
        negotiation,
        (
            b"application/graphql-response+json; charset=utf-8, application/json;q=0.9, */*;q=0.1",
            b"multipart/mixed;deferSpec=20220824, application/json",
            b'multipart/mixed;boundary=graphql;subscriptionSpec="1.0", text/event-stream',
            b"multipart/form-data; boundary=x",
            b"br;q=0.5, gzip;q=1.0, zstd;q=nan, *;q=0",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            b"4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            b"4bf92f3577b34da6:00f067aa0ba902b7:0:1",
            b"1700000000.0123456789abcdef",
        ),
    ),
    "web-socket": Target(
        web_socket,
        (
            b'{"type":"connection_init","payload":{}}\n!\n{"type":"subscribe","id":"a","payload":{"query":"{a}"}}\n'
            b'{"type":"ping"}\n.\n{"type":"complete","id":"a"}\n=\n-',
            b'{"type":"connection_init"}\n!\n{"type":"subscribe","id":"a","payload":{"query":"{a}","variables":{}}}\n'
            b'{"type":"subscribe","id":"a","payload":{"query":"{a}"}}',
            b'{"type":"ping","payload":{"a":[1,2.5,null]}}\n{"type":"pong"}\n\xff',
        ),
    ),
    "literals": Target(
        literals,
        (
            b'{ a(s: "x", n: 1, f: 2.5, id: 5) { b } }',
            b'query Q($n: Int = 5 @note(n: 1), $s: String = "d") @note(text: "t") { a(n: $n, s: $s) { b } }',
            b'{ a(own: {k: "v", n: [1, 2]}, in: {s: "y", n: 3, list: [1, 2.5], own: "o"}) { b @note(text: "#") } }',
            b'{ a(s: """block "quoted" text""", color: RED) { b } } # a comment "with" 5\n',
            b"{ x: a(n: -1) { ...F } y: a(n: -1) { ...F } } fragment F on Query { a(f: 1e3) { b } }",
        ),
    ),
}
