"""An upstream that gives nginx's answers late: `python -m benchmarks.load.slow PORT`.

It stands in for backends that think. Its own cost does not matter, since it is never on the server's core.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httptools
import orjson
import uvloop

from benchmarks.load import data

DELAYS_S = {b"/posts": 0.005, b"/users": 0.020, b"/stats": 0.050}


class Backend(asyncio.Protocol):
    """One connection; requests on it are answered in order, each after its path's delay."""

    served = 0

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = answers
        self.transport: Any = None
        self.parser: Any = httptools.HttpRequestParser(self)
        self.path = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, received: bytes) -> None:
        self.parser.feed_data(received)

    def on_url(self, url: bytes) -> None:
        self.path = url.partition(b"?")[0]

    def on_message_complete(self) -> None:
        Backend.served += 1
        if self.path == b"/__count":  # the form of nginx's stub_status
            n = Backend.served
            self._answer(
                b"Active connections: 1\nserver accepts handled requests\n %d %d %d\n" % (n, n, n)
            )
            return
        body = self.answers.get(self.path, b"null")
        delay_s = DELAYS_S.get(self.path, 0.0)
        asyncio.get_running_loop().call_later(delay_s, self._answer, body)

    def _answer(self, body: bytes) -> None:
        if not self.transport.is_closing():
            head = (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: %016x\r\n"
                b"content-length: %d\r\n\r\n"
            )
            self.transport.write(head % (Backend.served, len(body)) + body)


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    answers = {f"/{name}".encode(): orjson.dumps(value) for name, value in data.files().items()}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Backend(answers), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
