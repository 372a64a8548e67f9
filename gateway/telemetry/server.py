"""The metrics' own port, and how several workers give one truth.

Each worker answers its own numbers over a socket in the server's private folder. One of them holds the
folder's lock, owns the port, and merges what all of them have; when it dies the lock is free and another
takes over. What a worker that is gone has counted goes on counting: sums must not fall while the server
lives. Nothing here is asked by a request of a client.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from gateway.telemetry.catalogue import METRICS
from gateway.telemetry.exposition import expose
from gateway.telemetry.metrics import Registry, Snapshot, lasting, merge
from gateway.telemetry.owned_port import OwnedPort
from gateway.telemetry.page import PageApp
from gateway.telemetry.settings import MetricsSettings

if TYPE_CHECKING:
    from gateway.telemetry.otlp import MetricsExporter

logger = logging.getLogger("gateway.metrics")

PEER_TIMEOUT_S = 2.0
FOLDER = "metrics"


class Peers:
    """The other workers of this server, and what those that are gone have left.

    Args:
        folder: Where their sockets are.
        own: This worker's socket.

    Attributes:
        began_ns: When the server began to count, on the wall clock.
    """

    def __init__(self, folder: Path, own: Path) -> None:
        self._folder = folder
        self._own = own
        self._file = folder / "seen.json"
        self._seen: dict[str, Snapshot] = {}
        self._gone: Snapshot = {}
        self._turn = asyncio.Lock()
        self.began_ns = time.time_ns()

    def load(self) -> None:
        """Go on from what the owner before this one had seen."""
        if self._file.exists():
            seen = orjson.loads(self._file.read_bytes())
            self._seen, self._gone = seen["seen"], seen["gone"]
            self.began_ns = seen["began_ns"]

    async def collect(self, own: Snapshot) -> list[Snapshot]:
        """What all workers have, this one and those that are gone included."""
        async with self._turn:  # two at once could count one twice that dies meanwhile
            return await self._collect(own)

    async def _collect(self, own: Snapshot) -> list[Snapshot]:
        paths = [path for path in self._folder.glob("*.sock") if path != self._own]
        async with asyncio.TaskGroup() as group:
            asked = {path.name: group.create_task(ask(path)) for path in paths}
        alive = {self._own.name: own}
        for name, task in asked.items():
            found = task.result()
            if found is not None:
                alive[name] = found
            elif name in self._seen and (self._folder / name).exists():
                alive[name] = self._seen[name]  # too busy to answer
        left = [seen for name, seen in self._seen.items() if name not in alive]
        if left:
            self._gone = lasting(merge([self._gone, *left], METRICS), METRICS)
        self._seen = alive
        self._keep()
        return [self._gone, *alive.values()]

    def _keep(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_bytes(
            orjson.dumps({"began_ns": self.began_ns, "seen": self._seen, "gone": self._gone})
        )
        fresh.replace(self._file)


async def ask(path: Path) -> Snapshot | None:
    """A worker's numbers; None when it does not answer. The socket of a dead one is taken away."""
    try:
        async with asyncio.timeout(PEER_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                found: Snapshot = orjson.loads(await reader.read())
                return found
            finally:
                writer.close()
    except (ConnectionRefusedError, FileNotFoundError):
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - one name in a folder of our own
    except (OSError, ValueError) as exc:  # TimeoutError is an OSError
        logger.warning("a worker does not answer for its metrics: %r", exc)
    return None


class MetricsServer:
    """The metrics page of one worker, or of all when it owns the port.

    Args:
        settings: Where.
        registry: This worker's numbers.
        directory: Where the workers of this server meet; None when there is one.

    Attributes:
        exporter: Sends the same, where that is configured and this worker speaks for all.
    """

    def __init__(
        self, settings: MetricsSettings, registry: Registry, directory: str | None = None
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._folder = Path(directory) / FOLDER if directory else None
        self._peers: Peers | None = None
        self._own: asyncio.Server | None = None
        self._port = OwnedPort(
            PageApp(settings.path, self.page),
            settings.host,
            settings.port,
            self._folder,
            logger,
            ("metrics are not served", "telemetry.metrics.port"),
            self._speak_for_all,
        )
        self.exporter: MetricsExporter | None = None

    @property
    def owns_port(self) -> bool:
        """Whether the page is served from here."""
        return self._port.is_open

    async def listen(self) -> None:
        """Open the worker's socket, and the port if nobody has it."""
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            own = self._folder / f"{os.getpid()}.sock"
            own.unlink(missing_ok=True)
            self._peers = Peers(self._folder, own)
            try:
                self._own = await asyncio.start_unix_server(self._tell, str(own))
            except OSError as exc:
                logger.warning(
                    "this worker's metrics are missing from the totals: no socket %s: %s", own, exc
                )
        await self._port.open()

    async def aclose(self) -> None:
        """Close the port and the socket, and let another worker have the port."""
        if self.exporter is not None:
            await self.exporter.aclose()
        await self._port.aclose()
        if self._own is not None:
            self._own.close()

    async def page(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics of all workers and their content type, for what a scraper accepts."""
        # Thousands of lines take tens of milliseconds, for which the loop must not stand still.
        return await asyncio.to_thread(expose, await self.collect(), METRICS, accept)

    async def collect(self) -> Snapshot:
        """The metrics of all workers."""
        own = self._registry.snapshot()
        snapshots = [own] if self._peers is None else await self._peers.collect(own)
        return merge(snapshots, METRICS)

    async def _tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give another worker this one's numbers."""
        try:
            writer.write(orjson.dumps(self._registry.snapshot()))
            await writer.drain()
        except OSError:
            pass  # it has not waited
        finally:
            writer.close()

    def _speak_for_all(self) -> None:
        """Go on where the owner before this one ended."""
        if self._peers is not None:
            self._peers.load()
        if self._settings.otlp_endpoint:
            from gateway.telemetry.otlp import MetricsExporter  # imports OpenTelemetry's SDK

            began_ns = time.time_ns() if self._peers is None else self._peers.began_ns
            self.exporter = MetricsExporter(self._settings, METRICS, self.collect, began_ns)
            self.exporter.begin_export()
