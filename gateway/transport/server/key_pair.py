"""The pair that a listener serves: a TLS context of its own, and what a client says to its certificate.

Both are asked of the context itself, by handshakes in memory: what is told is what is served, whatever the files say
by then.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Diagnostic
from gateway.settings.key_pair import load_key_pair

if TYPE_CHECKING:  # 8 MB of a worker, where nobody has a certificate
    from cryptography import x509

KEYS = ("server.tls.cert", "server.tls.key")
PROTOCOLS = ("http/1.1",)
# What is left of a certificate when its end is told in the log, too.
SHORT_S = 7 * 24 * 3600
# A handshake takes three turns of the two sides; an SSLError ends one that will not come to its end.
TURNS = 8
MINUTE = "%Y-%m-%dT%H:%MZ"


@dataclass(frozen=True, slots=True)
class ServedPair:
    """A certificate and its key that a handshake has gone through with.

    Attributes:
        context: Of the server.
        leaf: The certificate that clients get.
        cert: The file that it was read from.
        ended: Certificates behind it that have ended.
    """

    context: ssl.SSLContext
    leaf: x509.Certificate
    cert: str
    ended: tuple[str, ...] = ()

    @property
    def expires_s(self) -> float:
        """When it ends, Unix time."""
        return self.leaf.not_valid_after_utc.timestamp()

    @property
    def left_days(self) -> int:
        """Whole days until then."""
        return int((self.expires_s - time.time()) // (24 * 3600))

    def problem(self) -> str | None:
        """Why no client takes the certificate now, whoever has issued it: its time or its purpose.

        The client that is asked trusts this very certificate. None where it takes it.
        """
        from cryptography.hazmat.primitives.serialization import Encoding

        client = _client_context()
        client.verify_mode = ssl.CERT_REQUIRED
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        client.load_verify_locations(cadata=self.leaf.public_bytes(Encoding.DER))
        try:
            _shake_hands(self.context, client)
        except ssl.SSLCertVerificationError as exc:
            leaf = self.leaf
            during = f"{leaf.not_valid_before_utc:{MINUTE}} to {leaf.not_valid_after_utc:{MINUTE}}"
            return f"no client takes {self.cert}: {exc.verify_message} ({during})"
        return None

    def findings(self) -> list[Diagnostic]:
        """What an operator should know of it."""
        found = [Diagnostic(text, severity="warning") for text in self.ended]
        if (problem := self.problem()) is not None:
            found.append(Diagnostic(problem))
        elif self.expires_s - time.time() < SHORT_S:
            text = (
                f"the certificate in {self.cert} ends at {self.leaf.not_valid_after_utc:{MINUTE}}"
            )
            found.append(Diagnostic(text, severity="warning"))
        return found


def load_served_pair(cert: str, key: str | None) -> ServedPair:
    """A pair as it can be served. Errors: ConfigError."""
    from cryptography import x509

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(list(PROTOCOLS))
    load_key_pair(context, cert, key, KEYS)
    try:
        leaf = x509.load_der_x509_certificate(_shake_hands(context, _client_context()))
        return ServedPair(context, leaf, cert, tuple(_ended(cert)))
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise ConfigError(
            f"no client can be served with the certificate in {cert}: {exc}", key=KEYS[0]
        ) from exc


def _ended(cert: str) -> list[str]:
    """Certificates of the chain that have ended. Clients that have a newer one of the same issuer do not mind."""
    from cryptography import x509

    return [
        f"{one.subject.rfc4514_string()}, an issuer in {cert}, has ended at {one.not_valid_after_utc:{MINUTE}}"
        for one in x509.load_pem_x509_certificates(Path(cert).read_bytes())[1:]
        if one.not_valid_after_utc.timestamp() < time.time()
    ]


def _client_context() -> ssl.SSLContext:
    """A client that takes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes:
    """The certificate that a client gets, DER. Errors: ssl.SSLError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up, server_side=False)
    answering = server.wrap_bio(up, down, server_side=True)
    waiting = [asking, answering]
    for _ in range(TURNS):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue
        if not waiting:
            break
    found = asking.getpeercert(binary_form=True)
    if waiting or found is None:
        raise ssl.SSLError("the handshake does not end")
    return found
