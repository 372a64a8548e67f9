"""New connections to a backend: name, TCP or unix socket, TLS.

Every connection asks the resolver anew, and tries the addresses side by side as RFC 8305 says.
It must never read a proxy or a certificate's place from the environment's proxy variables.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import aiohappyeyeballs

from gateway.upstream.http1.request_head import UrlOrigin

# RFC 8305 §5 and §8.
HAPPY_EYEBALLS_DELAY_S = 0.25

P = TypeVar("P", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class Dialler:
    """What makes the connections to one origin.

    Attributes:
        unix_socket: Every connection leads there, whatever the origin's host.
    """

    origin: UrlOrigin
    tls: ssl.SSLContext
    unix_socket: str | None
    loop: asyncio.AbstractEventLoop

    async def dial(self, factory: Callable[[], P]) -> P:
        """A connection, with the protocol that `factory` makes. Errors: OSError, ValueError."""
        origin, loop = self.origin, self.loop
        context = self.tls if origin.is_tls else None
        server_hostname = origin.host if origin.is_tls else None
        if self.unix_socket is not None:
            _, made = await loop.create_unix_connection(
                factory, self.unix_socket, ssl=context, server_hostname=server_hostname
            )
            return made
        infos = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        sock = await aiohappyeyeballs.start_connection(
            infos, happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY_S, interleave=1, loop=loop
        )
        try:
            _, made = await loop.create_connection(
                factory, sock=sock, ssl=context, server_hostname=server_hostname
            )
        except BaseException:
            sock.close()
            raise
        return made
