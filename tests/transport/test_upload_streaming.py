"""A file that is on its way while the operation is executed: it goes on as it comes, and is held nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.errors import ClientError
from gateway.graph.uploads import Upload
from gateway.transport.http.uploads import MEMORY_BYTES, read_upload
from gateway.transport.settings import UploadSettings
from tests.transport.served import served
from tests.transport.test_uploads import CONFIG, KEEP, SCHEMA

STREAMING = """
from gateway import resolver


@resolver("Mutation.keep", vary=["x-store"])
async def keep(parent, context, file):
    answer = await context.http.post(context.headers["x-store"], content=file)
    return f"{answer.text} {file.size}"


@resolver("Mutation.keepAll", vary=[])
async def keep_all(parent, context, files):
    return [file.filename for file in files]


@resolver("Mutation.attach", vary=[])
async def attach(parent, context, attachment):
    return "not read"


@resolver("Query.size", vary=[])
async def size(parent, context, file):
    return len(await file.read())
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
async def streaming(tmp_path: Path) -> AsyncIterator[tuple[int, Store]]:
    """The gateway's port, and what its resolver posts files to."""
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "streaming_resolvers.py").write_text(STREAMING)
    config = CONFIG.replace("upload_resolvers", "streaming_resolvers")
    (tmp_path / "gateway.toml").write_text(config)
    store = Store()
    server = await asyncio.start_server(store.connected, "127.0.0.1", 0)
    store.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with served(tmp_path / "gateway.toml") as gateway:
        yield gateway.port, store
        async with asyncio.timeout(10):  # whoever has gone leaves no connection behind
            while gateway.connections:
                await asyncio.sleep(0.005)
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


async def test_equal_queries_with_files_are_not_one(streaming: tuple[int, Store]) -> None:
    query = {"query": "query ($file: Upload!) { size(file: $file) }", "variables": {"file": None}}
    senders = [Sender(streaming, query, pieces * len(PIECE)) for pieces in (7, 8)]
    for sender in senders:
        await sender.begin()
        for _ in range(6):
            await sender.send(PIECE)  # either is under way from here on
    for sender, pieces in zip(senders, (1, 2), strict=True):
        await sender.send(pieces * PIECE + END)
    answers = [await asyncio.wait_for(answer_to(sender.reader), 30) for sender in senders]
    assert [body["data"]["size"] for _, body in answers] == [700_000, 800_000]
    for sender in senders:
        await sender.close()


async def test_a_second_place_that_reads_it_is_told_what_to_do(
    streaming: tuple[int, Store],
) -> None:
    """One reads the whole, and the other nothing: never a part of a file for the whole."""
    text = "query ($file: Upload!) { a: size(file: $file) b: size(file: $file) }"
    sender = Sender(streaming, {"query": text, "variables": {"file": None}}, 8 * len(PIECE))
    await sender.begin()
    for _ in range(8):
        await sender.send(PIECE)
    await sender.send(END)
    status, body = await asyncio.wait_for(answer_to(sender.reader), 30)
    assert (status, body["data"]) == (200, None)  # `size` is non-null
    [error] = body["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "'big'" in error["message"]
    assert "uploads.stream = false" in error["message"]
    await sender.close()


async def test_whoever_reads_a_streamed_file_first_has_all_of_it() -> None:
    client = Client(LARGE)
    [file] = await read_files(client)
    other = file.reader()
    assert (other.size, other.is_streamed, other.filename) == (None, True, "f")
    assert len(await file.read(10)) == 10
    for _ in range(2):
        with pytest.raises(ClientError, match="only one argument"):
            await other.read()
    assert len(await file.read()) == LARGE - 10
    assert other.size == LARGE
    with pytest.raises(ClientError, match="only one argument"):
        await other.read()


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
