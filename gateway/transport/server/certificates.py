"""The listener's certificate, read again when its files change: each time into a TLS context of its own, which serves
new connections when a client would take it. Connections keep what they began with.

A pair that does not serve is told and left aside, and tried again: a half-written file must not end a service.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from ssl import SSLContext

from gateway.concurrency.looking import Looking
from gateway.errors import ConfigError
from gateway.settings.file_state import FileState, state_of
from gateway.telemetry.catalogue import CERTIFICATE_EXPIRY
from gateway.telemetry.metrics import Sample
from gateway.transport.server.key_pair import load_served_pair
from gateway.transport.server.settings import TlsSettings

LOOK_S = 10.0
logger = logging.getLogger("gateway.tls")


class Certificates:
    """The certificate of one worker's listener.

    Args:
        cert: The certificate and its chain.
        key: Its key; None where that is in the same file.

    Errors: ConfigError where it cannot be served with.
    """

    def __init__(self, cert: str, key: str | None) -> None:
        self._cert, self._key = cert, key
        self._looking = Looking(self.look, lambda: LOOK_S, "the certificate", logger)
        self._seen = self._stamp()
        self._refused: str | None = None  # why what is in the files now is not served
        self._pair = load_served_pair(cert, key)

    @property
    def context(self) -> SSLContext:
        """For a connection that begins now."""
        return self._pair.context

    @property
    def expires_s(self) -> float:
        """When the served certificate ends, Unix time."""
        return self._pair.expires_s

    def watch(self) -> None:
        """Say what is to be said of the certificate, and begin to look at the files."""
        self._tell()
        self._looking.begin()

    async def stop(self) -> None:
        """Look no longer."""
        await self._looking.stop()

    def look(self) -> None:
        """Read the files again where they have changed, or where what they hold is not served."""
        stamp = self._stamp()
        if stamp == self._seen and self._refused is None:
            return
        self._seen = stamp
        try:
            pair = load_served_pair(self._cert, self._key)
        except ConfigError as exc:
            self._refuse(exc.problem)
            return
        problem = pair.problem()
        if problem is not None and self._pair.problem() is None:
            self._refuse(problem)
            return
        self._pair, self._refused = pair, None
        logger.warning("the certificate was read again; it ends in %d days", pair.left_days)
        self._tell()

    def samples(self) -> Iterator[Sample]:
        """The values now."""
        yield CERTIFICATE_EXPIRY, (), self.expires_s

    def _refuse(self, why: str) -> None:
        """Keep what is served; said once for each reason."""
        if why != self._refused:
            logger.error("the certificate that is served stays: %s", why)
        self._refused = why

    def _tell(self) -> None:
        for finding in self._pair.findings():
            log = logger.error if finding.severity == "error" else logger.warning
            log("%s", finding.message)

    def _stamp(self) -> tuple[FileState, ...]:
        """What changes with the files; nothing where one of them cannot be looked at: reading says why."""
        try:
            return tuple(state_of(Path(name)) for name in (self._cert, self._key) if name)
        except OSError:
            return ()


def make_certificates(settings: TlsSettings) -> Certificates | None:
    """The listener's certificate; None where TLS ends before this server. Errors: ConfigError."""
    return Certificates(settings.cert, settings.key) if settings.cert is not None else None
