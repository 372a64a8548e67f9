"""A port that one of a server's workers has: for the people who run it, not for clients.

One worker holds the lock of a folder and owns the port; when it dies the lock is free and another takes over. uvicorn
speaks the HTTP. It knows nothing of the application behind the port.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

RETRY_S = 2.0
REQUEST_S = 20.0
"""How long a connection may take to send a request: who has not by then does not mean to."""
MAX_CONNECTIONS = 100
Asgi = Callable[[Any, Any, Any], Any]


class _Protocol(H11Protocol):
    """uvicorn's, with a bound on connections and on what waits for a request: each is a file descriptor of clients.

    Where there are too many, the one goes that has waited longest: who asks at once is answered, whoever else holds
    connections and asks nothing.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MAX_CONNECTIONS:
            others: set[Any] = self.connections - {self}
            waiting = (one for one in others if one.is_idle)
            min(waiting, key=_Protocol.ends_at, default=self).transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether it is open, and waits for a request, or for the rest of one."""
        cycle = self.cycle
        is_asked = cycle is not None and not cycle.response_complete and not cycle.more_body
        return not is_asked and not self.transport.is_closing()

    def ends_at(self) -> float:
        """When it has waited long enough, by the loop's clock."""
        return self._waiting.when() if self._waiting is not None else 0.0

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(REQUEST_S, self._end)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _end(self) -> None:
        """A request that is whole is answered, however long that takes."""
        if self.is_idle:
            self.transport.abort()


async def listening(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen at every address of a host, or none. Errors: OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            sockets.append(socket.create_server(address, family=family))
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


class AppPort:
    """A port with an ASGI application behind it.

    Args:
        app: Answers.
    """

    def __init__(self, app: Asgi) -> None:
        self._sockets: list[socket.socket] = []
        config = uvicorn.Config(
            app,
            interface="asgi3",
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def listen(self, host: str, port: int) -> None:
        """Listen at every address of a host. Errors: OSError."""
        self._sockets = await listening(host, port)
        await self._server.startup(self._sockets)

    async def aclose(self) -> None:
        """Listen no longer, and end what is open."""
        await self._server.shutdown(self._sockets)


class OwnedPort:
    """A port that this worker has, or takes as soon as nobody else has it.

    Args:
        app: Answers.
        host, port: Where.
        folder: Where the workers of this server meet for it, made by the caller; None when there is one.
        logger: Is told when the port cannot be opened.
        what: What is not served then, and which setting names another port.
        on_turn: Called once, when it is this worker's turn, before the port is opened.

    Attributes:
        is_open: Whether the application is served from here.
    """

    def __init__(
        self,
        app: Asgi,
        host: str,
        port: int,
        folder: Path | None,
        logger: logging.Logger,
        what: tuple[str, str],
        on_turn: Callable[[], None] | None = None,
    ) -> None:
        self._app = app
        self._address = host, port
        self._folder = folder
        self._logger = logger
        self._what = what
        self._on_turn = on_turn
        self._port: AppPort | None = None
        self._lock: IO[bytes] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._trying: asyncio.Task[None] | None = None
        self._is_refused = False
        self.is_open = False

    async def open(self) -> None:
        """Take the port, or try again later."""
        if self._take_lock():
            if self._on_turn is not None:
                self._on_turn()
                self._on_turn = None
            port = AppPort(self._app)
            try:
                await port.listen(*self._address)
            except OSError as exc:
                self._refused(exc)
            else:
                self._port, self.is_open = port, True
                return
        self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._again)

    async def aclose(self) -> None:
        """Close the port, and let another worker have it."""
        if self._retry is not None:
            self._retry.cancel()
        if self._trying is not None:
            await self._trying
            if self._retry is not None:
                self._retry.cancel()
        if self._port is not None:
            await self._port.aclose()
        if self._lock is not None:
            self._lock.close()

    def _again(self) -> None:
        self._trying = asyncio.get_running_loop().create_task(self.open())

    def _refused(self, error: OSError) -> None:
        if not self._is_refused:
            self._is_refused = True
            self._logger.warning(
                "%s: %s:%d cannot be opened: %s; it is tried again, and %s names another",
                self._what[0], *self._address, error.strerror, self._what[1],
            )  # fmt: skip

    def _take_lock(self) -> bool:
        """Whether this worker may have the port. The lock goes with the process."""
        if self._folder is None or self._lock is not None:
            return True
        lock = (self._folder / "owner").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True
