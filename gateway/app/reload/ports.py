"""Ports that a change names anew: whether they can be opened is known before the workers that have the old ones end.

The port of commands is tried too, for with it goes the way to take a change back.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from gateway.app.config import Config
from gateway.telemetry.owned_port import listening


async def errors_of_ports(before: Config, after: Config) -> list[str]:
    """Why ports that are new in a configuration cannot be opened. It looks names up, and opens and closes sockets.

    Args:
        before: What the workers have started with; their ports are theirs.
        after: What new ones would start with.
    """
    mine = {address for _, address in _ports(before)}
    errors = []
    for setting, (host, port) in _ports(after):
        if (host, port) in mine:
            continue
        try:
            for opened in await listening(host, port):
                opened.close()
        except OSError as error:
            errors.append(f"{setting}: {host}:{port} cannot be opened: {_words_of(error)}")
    return errors


def _ports(config: Config) -> Iterator[tuple[str, tuple[str, int]]]:
    """The ports of a server for those who run it, each by its setting."""
    metrics, admin = config.telemetry.metrics, config.admin
    if metrics.enabled:
        yield "telemetry.metrics.port", (metrics.host, metrics.port)
    if admin.given:
        yield "admin.port", (admin.host, admin.port)


def _words_of(error: OSError) -> str:
    """The system's words alone: Python's have the address again. A name that is not found has words of its own."""
    is_of_name = isinstance(error, socket.gaierror)
    return str(error.strerror) if is_of_name or error.errno is None else os.strerror(error.errno)
