"""Topics across the workers of one machine: each has a connection to each other one.

A worker listens on a socket of its own in a shared folder, then connects to every socket that it finds
there; so of two workers at least the later one connects, and both send over that link. An event is
written to every link and delivered here. Nothing asks who listens to what: a machine has few workers.

    link ──► hello NAME ──► (topic length, payload length, topic, payload)* ──► bye

A link that ends without a bye was cut: its worker died, or gave this one up because it did not read. It
can be told by connecting again, and in the second case events were lost: every listener here is ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import struct
from pathlib import Path
from typing import Any

from gateway.broker.local import LocalBroker
from gateway.broker.mailbox import Mailbox
from gateway.broker.port import encode_event
from gateway.broker.settings import BrokerSettings
from gateway.errors import ConfigError

logger = logging.getLogger("gateway.errors")

HEADER = struct.Struct("!II")
BYE = HEADER.pack(0xFFFFFFFF, 0)
NAME_BYTES = 16
HELLO_TIMEOUT_S = 5.0
# sockaddr_un has 108 bytes on Linux, 104 elsewhere, with a zero at the end.
MAX_PATH_BYTES = 103
EVENTS_PER_TURN = 100


class Link:
    """A connection to another worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.peer = b""

    async def hear_name(self) -> None:
        """Hear who the other is. Errors: OSError (TimeoutError too) and EOFError."""
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            name = await self.reader.readexactly(NAME_BYTES)
        if not name.isalnum():
            raise EOFError("that is no worker")
        self.peer = name

    async def next_event(self, max_bytes: int) -> tuple[str, bytes] | None:
        """The next event; None for a bye. Errors: EOFError and OSError where the link is cut."""
        head = await self.reader.readexactly(HEADER.size)
        if head == BYE:
            return None
        topic_bytes, payload_bytes = HEADER.unpack(head)
        if topic_bytes + payload_bytes > max_bytes:
            raise EOFError("a worker with another pubsub.max_event_bytes")
        topic = await self.reader.readexactly(topic_bytes)
        return topic.decode(), await self.reader.readexactly(payload_bytes)


class UnixBroker:
    """A broker that reaches the listeners of all workers which use one folder.

    Args:
        settings: Bounds.
        directory: The folder of the sockets; made when it is not there.
    """

    def __init__(self, settings: BrokerSettings, directory: str | Path) -> None:
        self.settings = settings
        self.local = LocalBroker(settings)
        self.name = secrets.token_hex(NAME_BYTES // 2).encode()
        self._directory = Path(directory)
        self._path = self._directory / f"{self.name.decode()}.sock"
        self._links: list[Link] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def peers(self) -> set[bytes]:
        """The names of the workers that there is a link to."""
        return {link.peer for link in self._links}

    async def connect(self) -> None:
        """Listen, and connect to every worker that listens. Errors: ConfigError."""
        unborn = self._path.with_suffix(".new")
        if len(os.fsencode(self._path)) > MAX_PATH_BYTES:
            raise ConfigError("the path is too long for a socket", key="pubsub.directory")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._server = await asyncio.start_unix_server(self._accepted, unborn)
            # Under its own name it is there only once it can be connected to.
            unborn.rename(self._path)
        except OSError as exc:
            raise ConfigError(
                f"no socket can be made in {self._directory}: {exc.strerror}",
                key="pubsub.directory",
            ) from exc
        for path in self._directory.glob("*.sock"):
            if path != self._path:
                await self._connect(path)

    async def publish(self, topic: str, payload: Any) -> None:
        """As `Broker`: returns when the event is on its way to every worker."""
        name, encoded = encode_event(topic, payload, self.settings.max_event_bytes)
        self.local.deliver(topic, encoded)
        frame = HEADER.pack(len(name), len(encoded)) + name + encoded
        # Two workers that start at once may have two links: an event takes the first.
        chosen = {link.peer: link for link in reversed(self._links)}
        for link in chosen.values():
            link.writer.write(frame)
        for link in chosen.values():
            await self._drain(link)
        await asyncio.sleep(0)

    def subscribe(self, topic: str) -> Mailbox[Any]:
        """As `Broker`."""
        return self.local.subscribe(topic)

    async def aclose(self) -> None:
        """As `Broker`."""
        self._closing = True
        self._server.close()
        self._path.unlink(missing_ok=True)
        await self.local.aclose()
        for link in list(self._links):
            link.writer.write(BYE)
            await self._drain(link)
            link.writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _drain(self, link: Link) -> None:
        try:
            async with asyncio.timeout(self.settings.link_timeout_s):
                await link.writer.drain()
        except TimeoutError:
            logger.warning(
                "broker: worker %s does not read; it is disconnected", link.peer.decode()
            )
            link.writer.transport.abort()
        except OSError:
            link.writer.transport.abort()  # the reading side finds out why

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        try:
            await link.hear_name()
        except (EOFError, OSError):
            writer.close()
            return
        self._add(link)
        writer.write(self.name)

    async def _connect(self, path: Path) -> bool:
        """Link to the worker that listens there; a socket without one is taken away."""
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - a name in a local folder
            return False
        link = Link(reader, writer)
        try:
            writer.write(self.name)
            await link.hear_name()
        except (EOFError, OSError) as exc:
            logger.warning("broker: worker %s did not answer: %r", path.stem, exc)
            writer.close()
            return False
        self._add(link)
        return True

    def _add(self, link: Link) -> None:
        self._links.append(link)
        task = asyncio.create_task(self._read(link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, link: Link) -> None:
        """Deliver what another worker publishes, until the link ends."""
        is_cut, count = False, 0
        max_bytes = self.settings.max_event_bytes
        try:
            while (event := await link.next_event(max_bytes)) is not None:
                self.local.deliver(*event)
                count += 1
                if count % EVENTS_PER_TURN == 0:
                    await asyncio.sleep(0)
        except (EOFError, OSError):
            is_cut = True
        finally:
            self._links.remove(link)
            link.writer.close()
        if is_cut and not self._closing:
            path = self._directory / f"{link.peer.decode()}.sock"
            if await self._connect(path):
                self.local.fail()
