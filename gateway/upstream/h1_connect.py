"""New connections of the native transport: name, TCP or unix socket, TLS.

Every connection asks the resolver anew, and tries the addresses side by side as RFC 8305 says.
It must never read a proxy or a certificate's place from the environment's proxy variables.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial

import aiohappyeyeballs

from gateway.upstream.h1_connection import Connection
from gateway.upstream.h1_pool import Connect, Pool
from gateway.upstream.h1_request import Origin

# RFC 8305 §5 and §8.
HAPPY_EYEBALLS_DELAY_S = 0.25


def connector(
    origin: Origin, tls: ssl.SSLContext, unix_socket: str | None, loop: asyncio.AbstractEventLoop
) -> Connect:
    """What makes the connections of one origin's pool."""
    context = tls if origin.is_tls else None
    server_hostname = origin.host if origin.is_tls else None

    async def connect(pool: Pool) -> Connection:
        factory = partial(Connection, pool, loop)
        if unix_socket is not None:
            _, made = await loop.create_unix_connection(
                factory, unix_socket, ssl=context, server_hostname=server_hostname
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

    return connect
