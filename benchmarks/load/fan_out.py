"""Fan-out of one event to many WebSockets: memory of a socket, events × sockets per second of the worker's CPU.

`python -m benchmarks.load.fan_out [SOCKETS] [EVENTS]`: one worker, one topic, equal subscriptions; the client is
a process of its own and reads with a bare asyncio protocol.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

SCHEMA = """
type Query { pid: Int! }
type Mutation { say(text: String!): String! }
type Subscription { said: Said! }
type Said { id: ID! text: String! author: String! number: Int! }
"""
RESOLVERS = """
import os
from gateway import resolver, subscription


@resolver("Query.pid", vary=())
def pid(parent, context):
    return os.getpid()


@resolver("Mutation.say", vary=())
async def say(parent, context, text):
    said = {"id": "1", "text": text, "author": "Ada", "number": 5}
    await context.pubsub.publish("said", said)
    return text


@subscription("Subscription.said", topic="said", vary=())
def said(event, context):
    return event
"""
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
MARK = b'"type":"next"'


def frame(text: str) -> bytes:
    """A masked text frame; the mask is zero."""
    payload = text.encode()
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload)]) + b"\0\0\0\0" + payload


class Listener(asyncio.Protocol):
    """One socket: it introduces itself, subscribes and counts."""

    heard = 0
    ready = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.stage = 0
        transport.write(HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        """Go on with the protocol, then count what is heard."""
        if self.stage == 0:
            self.stage = 1
            self.transport.write(frame('{"type":"connection_init"}'))
        elif self.stage == 1 and b"connection_ack" in data:
            self.stage = 2
            ask = '{"id":"1","type":"subscribe","payload":{"query":"subscription{said{id text author number}}"}}'
            self.transport.write(frame(ask) + frame('{"type":"ping"}'))
        elif self.stage == 2 and b"pong" in data:
            self.stage = 3
            Listener.ready += 1
        Listener.heard += data.count(MARK)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def until(value: int, read: str) -> None:
    """Wait until a counter of the listeners has a value."""
    async with asyncio.timeout(100):
        while getattr(Listener, read) < value:  # noqa: ASYNC110 - thousands of callbacks count
            await asyncio.sleep(0.001)


async def measure(port: int, sockets: int, events: int) -> dict[str, float]:
    """Open the sockets, publish, and count."""
    loop = asyncio.get_running_loop()
    url = f"http://127.0.0.1:{port}/graphql"
    async with aiohttp.ClientSession() as session:

        async def ask(query: str) -> dict[str, int]:
            async with session.post(url, json={"query": query}) as answer:
                data: dict[str, int] = (await answer.json())["data"]
                return data

        pid = 0
        async with asyncio.timeout(60):
            while not pid:
                try:
                    pid = (await ask("{ pid }"))["pid"]
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
        before = rss_bytes(pid)
        begin = cpu_s(pid)
        for number in range(sockets):
            await loop.create_connection(Listener, "127.0.0.1", port)
            if number % 50 == 0:
                await until(number - 100, "ready")
        await until(sockets, "ready")
        opened = cpu_s(pid)
        idle = rss_bytes(pid)
        wall = time.perf_counter()
        for number in range(events):
            await ask('mutation { say(text: "What is said to everyone.") }')
            await until(sockets * (number + 1), "heard")
        wall = time.perf_counter() - wall
        spent = cpu_s(pid) - opened
    return {
        "sockets": sockets,
        "events": events,
        "memory_of_a_socket_kb": round((idle - before) / sockets / 1000, 1),
        "cpu_of_an_open_us": round((opened - begin) / sockets * 1e6, 1),
        "cpu_of_a_delivery_us": round(spent / sockets / events * 1e6, 2),
        "deliveries_per_cpu_s": round(sockets * events / max(spent, 0.01)),
        "deliveries_per_s": round(sockets * events / wall),
    }


def main() -> None:
    """Start a worker, measure, print JSON."""
    sockets, events = (int(item) for item in (*sys.argv[1:], "5000", "20")[:2])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * sockets + 500), hard))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="fan-out-") as folder:
        config = Path(folder) / "gateway.toml"
        config.write_text(
            '[graph]\nschema = ["schema.graphql"]\nresolvers = "fan_out_resolvers"\n'
            '[logs]\naccess = "off"\n'
        )
        (Path(folder) / "schema.graphql").write_text(SCHEMA)
        (Path(folder) / "fan_out_resolvers.py").write_text(RESOLVERS)
        command = [sys.executable, "-m", "gateway", "serve", "-c", str(config), "--port", str(port)]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            print(json.dumps(asyncio.run(measure(port, sockets, events)), indent=2))
        finally:
            server.terminate()
            server.wait(60)


if __name__ == "__main__":
    main()
