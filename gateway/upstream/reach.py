"""Whether backends can be reached from here: a connection to each, with TLS where it has it, and nothing sent over it.

A release asks this from inside the cluster, before anything serves. It says nothing of what a backend would answer.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from gateway.upstream.dial import Dialler
from gateway.upstream.http1.request_head import parse_origin, split_url
from gateway.upstream.settings import SourceSettings
from gateway.upstream.tls import build_tls_context


async def find_unreachable(
    urls: Mapping[str, str], settings: Mapping[str, SourceSettings]
) -> dict[str, str]:
    """Why a source cannot be reached, for each that cannot; all are tried side by side.

    Args:
        urls: The base URL of each source.
        settings: Of those that have some: their TLS, unix socket and `connect_timeout_s` count.

    Errors: ConfigError for certificates that cannot be loaded.
    """
    diallers = {}
    loop = asyncio.get_running_loop()
    for name, url in urls.items():
        own = settings.get(name, SourceSettings())
        origin = parse_origin(split_url(url)[0])
        dialler = Dialler(origin, build_tls_context(own), own.unix_socket, loop)
        diallers[name] = (dialler, own.connect_timeout_s)
    found = await asyncio.gather(*(_why_not(*each) for each in diallers.values()))
    return {name: why for name, why in zip(diallers, found, strict=True) if why}


async def _why_not(dialler: Dialler, timeout_s: float) -> str:
    origin = dialler.origin
    place = dialler.unix_socket or f"{origin.host}:{origin.port}"
    try:
        async with asyncio.timeout(timeout_s):
            protocol = await dialler.dial(_Closing)
    except TimeoutError:
        return f"{place} does not answer within {timeout_s:g} s"
    except ssl.SSLError as exc:
        return f"{place} answers, and its TLS is not accepted: {getattr(exc, 'verify_message', '') or exc.reason}"
    except OSError as exc:
        return f"{place} cannot be reached: {exc.strerror or exc}"
    protocol.close()
    return ""


class _Closing(asyncio.Protocol):
    """A connection that is closed as soon as it stands."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it until the handshake is done."""
        self._transport = transport

    def close(self) -> None:
        """End it."""
        self._transport.close()
