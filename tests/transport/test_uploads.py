"""Files in multipart requests: in their places, counted as they arrive, and refused where a form could do it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.errors import ClientError
from gateway.testing import GatewayClient
from gateway.transport.settings import UploadSettings
from gateway.transport.uploads import MEMORY_BYTES, read_upload
from gateway.uploads import Upload
from tests.transport.served import served

URL = "/graphql"
PREFLIGHT = {"apollo-require-preflight": "true"}
SCHEMA = """
scalar Upload
input Attachment { file: Upload!, note: String }
type Query { size(file: Upload!): Int! }
type Mutation {
  keep(file: Upload!): String!
  keepAll(files: [Upload!]!): [String!]!
  attach(attachment: Attachment!): String!
}
"""
RESOLVERS = """
import io
import pytest
from gateway import Upload, resolver


async def told(file):
    assert isinstance(file, Upload)
    start = await file.read(3)
    pieces = [piece async for piece in file]
    assert all(len(piece) <= 65536 for piece in pieces)
    assert file.size == len(start) + sum(map(len, pieces))
    if file.is_streamed:
        with pytest.raises(io.UnsupportedOperation):
            await file.seek(0)
    else:
        await file.seek(0)
    return f"{file.filename} {file.content_type} {file.size} {start.decode()}"


@resolver("Query.size")
async def size(parent, context, file):
    return file.size


@resolver("Mutation.keep")
async def keep(parent, context, file):
    return await told(file)


@resolver("Mutation.keepAll")
async def keep_all(parent, context, files):
    return [await told(file) for file in files]


@resolver("Mutation.attach")
async def attach(parent, context, attachment):
    return await told(attachment["file"])
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "upload_resolvers"
[logs]
access = "off"
[batching]
enabled = true
[http]
max_body_bytes = 20000
[uploads]
enabled = true
max_files = 3
max_file_size_bytes = 2000000
"""
KEEP = {"query": "mutation ($file: Upload!) { keep(file: $file) }", "variables": {"file": None}}
ONE = {"0": ["variables.file"]}
TEXT = ("a.txt", b"abcdef", "text/plain")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "upload_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return tmp_path


@pytest_asyncio.fixture
async def client(project: Path) -> AsyncIterator[GatewayClient]:
    async with GatewayClient(project / "gateway.toml") as started:
        yield started


async def upload(
    client: GatewayClient,
    operations: Any,
    places: Any,
    files: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    fields = {"operations": json.dumps(operations), "map": json.dumps(places)}
    headers = PREFLIGHT if headers is None else headers
    return await client.http.post(URL, data=fields, files=files, headers=headers)


def code_of(response: httpx.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


async def test_a_file(client: GatewayClient) -> None:
    response = await upload(client, KEEP, ONE, {"0": TEXT})
    assert response.json() == {"data": {"keep": "a.txt text/plain 6 abc"}}


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_large_file(project: Path, stream: str) -> None:
    (project / "gateway.toml").write_text(f"{CONFIG}stream = {stream}\n")
    large = ("b.bin", b"xyz" + bytes(1_000_000), "application/x-b")
    async with GatewayClient(project / "gateway.toml") as client:
        response = await upload(client, KEEP, ONE, {"0": large})
        assert response.json() == {"data": {"keep": "b.bin application/x-b 1000003 xyz"}}
        twice = {
            "query": "mutation ($a: Upload!, $b: Upload!) { a: keep(file: $a) b: keep(file: $b) }",
            "variables": {"a": None, "b": None},
        }
        places = {"0": ["variables.a"], "1": ["variables.b"]}
        response = await upload(client, twice, places, {"0": large, "1": large})
        assert set(response.json()["data"].values()) == {"b.bin application/x-b 1000003 xyz"}


async def test_files_in_lists_and_inputs_and_a_file_in_two_places(client: GatewayClient) -> None:
    several = {
        "query": "mutation ($f: [Upload!]!, $a: Attachment!) { keepAll(files: $f) attach(attachment: $a) }",
        "variables": {"f": [None, None], "a": {"file": None}},
    }
    places = {"x": ["variables.f.0", "variables.a.file"], "y": ["variables.f.1"]}
    response = await upload(
        client, several, places, {"x": TEXT, "y": ("c.css", b"123", "text/css")}
    )
    assert response.json()["data"]["attach"] == "a.txt text/plain 6 abc"
    assert response.json()["data"]["keepAll"][0] == "a.txt text/plain 6 abc"


async def test_a_batch_with_files(client: GatewayClient) -> None:
    places = {"0": ["0.variables.file"], "1": ["1.variables.file"]}
    response = await upload(client, [KEEP, KEEP], places, {"0": TEXT, "1": TEXT})
    assert [item["data"]["keep"] for item in response.json()] == ["a.txt text/plain 6 abc"] * 2


async def test_a_query_with_a_file(client: GatewayClient) -> None:
    query = {"query": "query ($file: Upload!) { size(file: $file) }", "variables": {"file": None}}
    assert (await upload(client, query, ONE, {"0": TEXT})).json() == {"data": {"size": 6}}


async def test_a_file_name_is_only_a_name(client: GatewayClient) -> None:
    response = await upload(client, KEEP, ONE, {"0": ("../../etc/passwd", b"abc", "text/plain")})
    assert response.json() == {"data": {"keep": "../../etc/passwd text/plain 3 abc"}}


async def test_another_site_could_send_it(client: GatewayClient) -> None:
    """CVE-2024-47082."""
    response = await upload(client, KEEP, ONE, {"0": TEXT}, headers={})
    assert (response.status_code, code_of(response)) == (400, "CSRF_ERROR")


async def test_off_unless_enabled(project: Path) -> None:
    (project / "gateway.toml").write_text(CONFIG.replace("enabled = true\nmax_files", "max_files"))
    async with GatewayClient(project / "gateway.toml") as client:
        response = await upload(client, KEEP, ONE, {"0": TEXT})
    assert (response.status_code, code_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_json_has_no_files(client: GatewayClient) -> None:
    body = {**KEEP, "variables": {"file": "a string"}}
    response = await client.http.post(URL, json=body)
    assert code_of(response) == "BAD_USER_INPUT"
    literal = await client.http.post(URL, json={"query": 'mutation { keep(file: "x") }'})
    assert code_of(literal) == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("operations", "places", "files", "code"),
    [
        (KEEP, {}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": []}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": "variables.file"}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": [1]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": [""]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["query"]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["query.0"]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables.none"]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables.file.0"]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables.file"] * 2}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables.file"] * 500}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables." * 20_000]}, {"0": TEXT}, "REQUEST_TOO_LARGE"),
        (KEEP, {"0": ["variables.file"], "1": ["variables.file"]}, {"0": TEXT}, "BAD_REQUEST"),
        ([], ONE, {"0": TEXT}, "BAD_REQUEST"),
        ("x", ONE, {"0": TEXT}, "BAD_REQUEST"),
        (None, ONE, {"0": TEXT}, "BAD_REQUEST"),
        ([KEEP], {"0": ["-1.variables.file"]}, {"0": TEXT}, "BAD_REQUEST"),
        ([KEEP], {"0": ["7.variables.file"]}, {"0": TEXT}, "BAD_REQUEST"),
        (
            KEEP,
            ONE | {"1": ["variables.f"]},
            {"0": ("a", bytes(2_000_001), "a/b")},
            "REQUEST_TOO_LARGE",
        ),
        (KEEP, ONE, {str(n): TEXT for n in range(4)}, "REQUEST_TOO_LARGE"),
        ({"query": " " * 30_000}, ONE, {"0": TEXT}, "REQUEST_TOO_LARGE"),
    ],
)
async def test_what_is_refused(
    client: GatewayClient, operations: Any, places: Any, files: dict[str, Any], code: str
) -> None:
    response = await upload(client, operations, places, files)
    assert response.status_code == (413 if code == "REQUEST_TOO_LARGE" else 400)
    assert code_of(response) == code


PART = b'--x\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n'


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data", b"--x--\r\n", 400),
        ("multipart/form-data; boundary=", b"----\r\n", 400),
        ("multipart/form-data; boundary=" + "x" * 71, b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"not multipart", 400),
        ("multipart/form-data; boundary=x", b"--y\r\n", 400),
        ("multipart/form-data; boundary=x", PART % (b"operations", b"{"), 400),
        ("multipart/form-data; boundary=x", PART % (b"operations", b"{") + b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", PART % (b"a", b"1") * 2 + b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a: b\r\n" * 9 + b"\r\n", 400),
        ("multipart/form-data; boundary=x", b"--x\r\na: " + b"b" * 5000 + b"\r\n\r\n", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\xff\r\n--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"".join(PART % (b"%d" % n, b"1") for n in range(9)), 413),
        ("multipart/mixed; boundary=x", b"--x--\r\n", 415),
    ],
)  # fmt: skip
async def test_forms_that_are_none(
    client: GatewayClient,
    content_type: str,
    body: bytes,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    headers = {"content-type": content_type, **PREFLIGHT}
    response = await client.http.post(URL, content=body, headers=headers)
    assert response.status_code == status
    assert response.json()["errors"]
    assert not caplog.records, "nobody writes to the log from outside"


# A file that is on its way while the operation is executed

STREAMING = """
from gateway import resolver


@resolver("Mutation.keep", reads=[])
async def keep(parent, context, file):
    answer = await context.http.post(context.headers["x-store"], content=file)
    return f"{answer.text} {file.size}"


@resolver("Mutation.keepAll", reads=[])
async def keep_all(parent, context, files):
    return [file.filename for file in files]


@resolver("Mutation.attach", reads=[])
async def attach(parent, context, attachment):
    return "not read"


@resolver("Query.size", reads=[])
def size(parent, context, file):
    return file.size or -1
"""
FORM = (
    b'--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n%s\r\n'
    b'--x\r\ncontent-disposition: form-data; name="map"\r\n\r\n{"0": ["variables.file"]}\r\n'
    b'--x\r\ncontent-disposition: form-data; name="0"; filename="big"\r\n\r\n'
)
END = b"\r\n--x--\r\n"
PIECE = bytes(100_000)


class Store:
    """A backend that says when the first bytes of a body are there, and counts them all."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.size = 0
        self.url = ""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            while size := int(await reader.readline(), 16):
                self.size += len(await reader.readexactly(size))
                self.began.set()
                await reader.readline()
            await reader.readline()
            text = b"kept %d" % self.size
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text))
            await writer.drain()
        except (asyncio.IncompleteReadError, ValueError, ConnectionError):
            pass  # the gateway has left
        finally:
            writer.close()


async def answer_to(reader: asyncio.StreamReader) -> tuple[int, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head.split()[1]), json.loads(await reader.readexactly(length))


class Sender:
    """Sends one form in pieces, over its own connection."""

    def __init__(self, where: tuple[int, Store], query: dict[str, Any], size: int) -> None:
        self.port, self.store = where
        self.start = FORM % json.dumps(query).encode()
        self.size = size

    async def begin(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        length = len(self.start) + self.size + len(END)
        self.writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: x\r\napollo-require-preflight: 1\r\n"
            b"x-store: "
            + self.store.url.encode()
            + b"\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: %d\r\n\r\n"
            % length
        )
        self.writer.write(self.start)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


@pytest_asyncio.fixture
async def streaming(project: Path) -> AsyncIterator[tuple[int, Store]]:
    """The gateway's port, and what its resolver posts files to."""
    (project / "streaming_resolvers.py").write_text(STREAMING)
    config = CONFIG.replace("upload_resolvers", "streaming_resolvers")
    (project / "gateway.toml").write_text(config)
    store = Store()
    server = await asyncio.start_server(store.connected, "127.0.0.1", 0)
    store.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with served(project / "gateway.toml") as gateway:
        yield gateway.port, store
    server.close()
    await server.wait_closed()


async def test_the_backend_has_the_first_bytes_before_the_client_has_sent_the_last(
    streaming: tuple[int, Store],
) -> None:
    _, store = streaming
    sender = Sender(streaming, KEEP, 15 * len(PIECE))
    await sender.begin()
    for _ in range(8):
        await sender.send(PIECE)
    await asyncio.wait_for(store.began.wait(), 30)
    for _ in range(7):
        await sender.send(PIECE)
    await sender.send(END)
    answer = await asyncio.wait_for(answer_to(sender.reader), 30)
    assert answer == (200, {"data": {"keep": "kept 1500000 1500000"}})
    await sender.close()


@pytest.mark.parametrize(
    ("pieces", "end", "code"),
    [(25, END, "REQUEST_TOO_LARGE"), (8, b"\r\n--x\r\n\r\n\r\n--x--\r\n", "BAD_REQUEST")],
)
async def test_what_is_wrong_with_it_is_an_error_of_who_reads_it(
    streaming: tuple[int, Store], pieces: int, end: bytes, code: str
) -> None:
    sender = Sender(streaming, KEEP, pieces * len(PIECE) + len(end) - len(END))
    await sender.begin()
    for _ in range(pieces):
        await sender.send(PIECE)
    await sender.send(end)
    status, body = await asyncio.wait_for(answer_to(sender.reader), 30)
    assert (status, body["data"]) == (200, None)
    assert [error["extensions"]["code"] for error in body["errors"]] == [code]
    await sender.close()


async def test_a_file_that_nobody_reads_is_not_waited_for(streaming: tuple[int, Store]) -> None:
    unread = {
        "query": "mutation ($file: Upload!) { attach(attachment: {file: $file}) }",
        "variables": {"file": None},
    }
    sender = Sender(streaming, unread, 9 * len(PIECE))
    await sender.begin()
    for _ in range(7):
        await sender.send(PIECE)
    answer = await asyncio.wait_for(answer_to(sender.reader), 30)
    assert answer == (200, {"data": {"attach": "not read"}})
    for _ in range(2):
        await sender.send(PIECE)
    await sender.send(END)
    body = b'{"query": "{ __typename }"}'
    await sender.send(
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (len(body), body)
    )
    answer = await asyncio.wait_for(answer_to(sender.reader), 30)
    assert answer == (200, {"data": {"__typename": "Query"}})
    await sender.close()


async def test_a_client_that_leaves_takes_its_operation_with_it(
    streaming: tuple[int, Store],
) -> None:
    """Nothing waits for the rest, and who comes next is answered."""
    _, store = streaming
    sender = Sender(streaming, KEEP, 15 * len(PIECE))
    await sender.begin()
    for _ in range(8):
        await sender.send(PIECE)
    await asyncio.wait_for(store.began.wait(), 30)
    await sender.close()
    other = Sender(streaming, KEEP, 6 * len(PIECE))
    await other.begin()
    for _ in range(6):
        await other.send(PIECE)
    await other.send(END)
    status, body = await asyncio.wait_for(answer_to(other.reader), 30)
    assert (status, body["data"]["keep"].split()[-1]) == (200, "600000")
    await other.close()


class Client:
    """ASGI's `receive` for a form with large files, made as it is asked for: what is sent is counted."""

    def __init__(self, *sizes: int) -> None:
        variables = {"files": [None] * len(sizes)}
        places = {str(n): [f"variables.files.{n}"] for n in range(len(sizes))}
        fields = {"operations": {"query": "q", "variables": variables}, "map": places}
        self.sent = 0
        self._messages = self._form(fields, sizes)

    def _form(self, fields: dict[str, Any], sizes: tuple[int, ...]) -> Iterator[bytes]:
        head = b'--x\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n'
        for name, value in fields.items():
            yield head % (name.encode(), b"") + json.dumps(value).encode() + b"\r\n"
        for number, size in enumerate(sizes):
            yield head % (b"%d" % number, b'; filename="f"')
            for at in range(0, size, MESSAGE):
                data = bytes(min(MESSAGE, size - at))
                self.sent += len(data)
                yield data
            yield b"\r\n"
        yield b"--x--\r\n"

    def leave(self) -> None:
        self._messages = iter(())

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)  # as one that has to wait
        data = next(self._messages, None)
        if data is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": data, "more_body": not data.startswith(b"--x--")}


MESSAGE = 65_536
LARGE = 50_000_000


async def read_files(client: Client) -> list[Upload]:
    settings = UploadSettings(enabled=True, max_file_size_bytes=LARGE)
    sent = await read_upload(client.receive, "multipart/form-data; boundary=x", settings, 20_000)
    files: list[Upload] = sent["variables"]["files"]
    return files


async def test_of_50_megabytes_no_more_is_held_than_what_was_awaited_first() -> None:
    client = Client(LARGE)
    [file] = await read_files(client)
    assert client.sent <= MEMORY_BYTES + MESSAGE
    read = 0
    async for piece in file:
        read += len(piece)
        # What was awaited before the operation began is all that the client is ever ahead by.
        assert client.sent - read <= MEMORY_BYTES + MESSAGE
    assert read == client.sent == file.size == LARGE


async def test_nothing_is_asked_of_the_client_while_nobody_reads() -> None:
    client = Client(LARGE)
    [file] = await read_files(client)
    sent = client.sent
    assert len(await file.read(MESSAGE)) == MESSAGE
    assert client.sent == sent, "what had come was enough"
    assert len(await file.read(MEMORY_BYTES + MESSAGE)) == MEMORY_BYTES + MESSAGE
    assert client.sent - sent <= 2 * MESSAGE


async def test_the_last_of_several_files_is_streamed_and_they_are_read_in_any_order() -> None:
    client = Client(1_000_000, LARGE)
    first, last = await read_files(client)
    assert (first.size, last.size) == (1_000_000, None)
    assert len(await last.read(1_000_000)) == 1_000_000
    assert len(await first.read()) == 1_000_000
    assert len(await last.read()) == LARGE - 1_000_000
    assert client.sent == LARGE + 1_000_000


async def test_two_readers_of_a_streamed_file_lose_none_of_its_bytes() -> None:
    client = Client(3_000_001)
    [file] = await read_files(client)

    async def read_all() -> int:
        size = 0
        while piece := await file.read(1000):
            size += len(piece)
        return size

    assert sum(await asyncio.gather(read_all(), read_all())) == file.size == 3_000_001


async def test_one_byte_too_many_is_refused_while_it_comes() -> None:
    client = Client(LARGE + 1)
    [file] = await read_files(client)
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            await file.read()
        assert refused.value.code == "REQUEST_TOO_LARGE"


async def test_a_client_that_leaves_is_no_error_of_ours() -> None:
    client = Client(LARGE)
    [file] = await read_files(client)
    client.leave()
    for _ in range(2):
        with pytest.raises(ClientError, match="cut short"):
            await file.read()


async def test_what_a_cancelled_reader_had_is_there_for_the_next() -> None:
    client = Client(3_000_001)
    [file] = await read_files(client)
    reader = asyncio.create_task(file.read())
    while client.sent < 1_500_000:
        await asyncio.sleep(0)
    reader.cancel()
    await asyncio.wait([reader])
    assert reader.cancelled()
    assert len(await file.read()) == file.size == 3_000_001
