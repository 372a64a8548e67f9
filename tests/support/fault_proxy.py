"""A TCP proxy between a gateway and a backend that does to the bytes what networks do to them.

It knows of HTTP only that a request comes in one piece and is answered before the next one. Faults are
attributes that count from the next bytes on, also on connections that are open already; nothing here sleeps
but where latency or a rate are asked for.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Faults:
    """What goes wrong.

    Attributes:
        refuse: Nobody listens, and what was open is reset.
        blackhole: Bytes are swallowed in both directions, and connections stay open.
        hold: Answers wait until this is over, and then arrive.
        latency_s: Every piece of an answer arrives so much later.
        rate_bytes_s: Answers arrive at this rate.
        reset_after: Connections are reset when so many bytes of an answer have passed.
        reset_every: One of so many requests is reset without an answer: flapping.
        corrupt: The bits of answers are turned around.
        canned: Answered in place of the backend, which is not asked.
    """

    refuse: bool = False
    blackhole: bool = False
    hold: bool = False
    latency_s: float = 0.0
    rate_bytes_s: float | None = None
    reset_after: int | None = None
    reset_every: int | None = None
    corrupt: bool = False
    canned: bytes | None = None


class FaultProxy:
    """One backend behind faults.

    Args:
        target: The backend's base URL.

    Attributes:
        faults: Now; set by `fail`, lifted by `heal`.
        requests: The first line of each that has come in.
        flapped: How many of them were reset by `reset_every`.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname
        assert parts.port
        self._target = (parts.hostname, parts.port)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lifted = asyncio.Event()
        self._lost: set[asyncio.StreamWriter] = set()
        # Bytes that have passed of each connection's last answer.
        self._passed: dict[asyncio.StreamWriter, int] = {}
        self.faults = Faults()
        self.requests: list[str] = []
        self.flapped = 0

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen; on the same port as before, if there was one."""
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self._port, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Stop listening and end every connection."""
        self._stop_listening()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were closed say so in the next turn

    async def fail(self, faults: Faults) -> None:
        """From now on these, and no others."""
        await self.heal()
        self.faults = faults
        if faults.refuse:
            self._stop_listening()
            for writer in list(self._passed):
                reset(writer)

    async def heal(self) -> None:
        """All is well; connections that have lost bytes are reset."""
        self.faults = Faults()
        self._lifted.set()
        self._lifted = asyncio.Event()
        for writer in list(self._lost):
            reset(writer)
        if self._server is None:
            await self.start()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _connected(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._passed[client] = 0
        try:
            await self._between(reader, client)
        except OSError:
            reset(client)  # the backend is away
        except asyncio.CancelledError:
            pass  # the proxy ends; asyncio's own callback would report it
        finally:
            client.close()
            del self._passed[client]
            self._lost.discard(client)
            self._tasks.discard(task)

    async def _between(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Carry bytes until one end is gone. Errors: OSError when the backend cannot be reached."""
        answers, backend = await asyncio.open_connection(*self._target)
        pumps = (
            asyncio.ensure_future(self._carry_requests(reader, client, backend)),
            asyncio.ensure_future(self._carry_answers(answers, client)),
        )
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            backend.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _carry_requests(
        self,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        backend: asyncio.StreamWriter,
    ) -> None:
        while data := await reader.read(CHUNK):
            faults = self.faults
            self.requests.append(data.partition(b"\r\n")[0].decode("latin-1"))
            self._passed[client] = 0
            if faults.reset_every and len(self.requests) % faults.reset_every == 0:
                self.flapped += 1
                reset(client)
            elif faults.blackhole:
                self._lost.add(client)
            elif faults.canned is not None:
                client.write(faults.canned)
                client.write_eof()
                await client.drain()
            else:
                backend.write(data)
                await backend.drain()

    async def _carry_answers(
        self, reader: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(CHUNK):
            while self.faults.hold:
                await self._lifted.wait()
            faults = self.faults
            if faults.blackhole:
                self._lost.add(client)
                continue
            if faults.latency_s or faults.rate_bytes_s:
                rate = faults.rate_bytes_s
                await asyncio.sleep(faults.latency_s + (len(data) / rate if rate else 0))
            passed = self._passed[client]
            if faults.reset_after is not None and passed + len(data) > faults.reset_after:
                client.write(data[: max(0, faults.reset_after - passed)])
                await client.drain()
                reset(client)
                return
            self._passed[client] = passed + len(data)
            client.write(bytes(byte ^ 0xFF for byte in data) if faults.corrupt else data)
            await client.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST, as a peer that crashed does."""
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()


@asynccontextmanager
async def fault_proxy(target: str) -> AsyncIterator[FaultProxy]:
    """A proxy for the time of a `with` block."""
    proxy = FaultProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.aclose()
