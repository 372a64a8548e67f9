"""The listener's certificate: one TLS context, whose certificate is read again when its files change.

Connections keep what they began with; new ones get the new certificate. A certificate that does not serve is told and
left aside: a half-written file must not end a service.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Iterator
from logging import ERROR
from pathlib import Path

from cryptography import x509

from gateway.errors import ConfigError
from gateway.telemetry.catalogue import CERTIFICATE_EXPIRY
from gateway.telemetry.metrics import Sample
from gateway.transport.server.settings import TlsSettings

LOOK_S = 10.0
# What is left of a certificate when its end is told in the log, too.
SHORT_S = 7 * 24 * 3600
PROTOCOLS = ("http/1.1",)
logger = logging.getLogger("gateway.tls")


class Certificates:
    """The certificate of one worker's listener.

    Args:
        cert: The certificate and its chain.
        key: Its key; None where that is in the same file.

    Attributes:
        context: For the server.
        expires_s: When the certificate ends, Unix time.

    Errors: ConfigError where it cannot be served with.
    """

    def __init__(self, cert: str, key: str | None) -> None:
        self._cert, self._key = cert, key
        self._timer: asyncio.TimerHandle | None = None
        self._seen = self._stamp()
        try:
            self.expires_s = self._check()
            self.context = self._context()
        except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
            raise ConfigError(
                f"the certificate or its key cannot be loaded: {exc}", key="server.tls.cert"
            ) from exc

    def watch(self) -> None:
        """Begin to look at the files."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._tick)

    def stop(self) -> None:
        """Look no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Read the files again where they have changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            expires_s = self._check()
            self._context()  # tried on another context: a key that does not fit would spoil this one
            self.context.load_cert_chain(self._cert, self._key)
        except (OSError, ValueError) as exc:
            logger.log(ERROR, "the new certificate cannot be loaded; the old one stays: %s", exc)
            return
        self.expires_s = expires_s
        logger.warning("the certificate was read again; it ends in %d days", self._left_days())

    def samples(self) -> Iterator[Sample]:
        """The values now."""
        yield CERTIFICATE_EXPIRY, (), self.expires_s

    def _tick(self) -> None:
        self.watch()
        self.look()

    def _left_days(self) -> int:
        return int((self.expires_s - time.time()) // (24 * 3600))

    def _stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes with a file, behind symbolic links too: Kubernetes swaps the folder of a Secret by one."""
        return tuple(_stamp_of(Path(name)) for name in (self._cert, self._key) if name)

    def _check(self) -> float:
        """When the first certificate of the file ends. Errors: OSError, ValueError."""
        found = x509.load_pem_x509_certificate(Path(self._cert).read_bytes())
        expires_s = found.not_valid_after_utc.timestamp()
        if expires_s - time.time() < SHORT_S:
            logger.error("the certificate ends at %s", found.not_valid_after_utc.isoformat())
        return expires_s

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(list(PROTOCOLS))
        context.load_cert_chain(self._cert, self._key)
        return context


def make_certificates(settings: TlsSettings) -> Certificates | None:
    """The listener's certificate; None where TLS ends before this server. Errors: ConfigError."""
    return Certificates(settings.cert, settings.key) if settings.cert is not None else None


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
