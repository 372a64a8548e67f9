"""Settings of what listens: addresses, TLS, and how many connections stay for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.settings.kinds import (
    Bytes,
    CountOrZero,
    FileBeside,
    FileMode,
    NewFile,
    RoutePath,
    Seconds,
    TrustedProxy,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """`[server.tls]`: TLS at the listener, 1.2 and 1.3; HTTP/1.1 is what ALPN offers.

    The files are looked at every ten seconds, and are read again when they have changed: new connections get the new
    certificate. One that cannot be read, that does not fit its key or that no client takes, since it has ended, has not
    begun or is for another purpose, is told in the log and tried again later; the old one stays.

    Attributes:
        cert: The certificate and the chain behind it, PEM; relative to the configuration file.
        key: Its private key, PEM, without a passphrase, likewise; in the same file where it is not named.
    """

    cert: FileBeside | None = None
    key: FileBeside | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if self.key is not None and self.cert is None:
            raise ValueError("`key` goes with `cert`")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """The part of `[server]` that is about its clients' connections.

    Attributes:
        header_timeout_s: Seconds for the head of a request, from its first byte; then 408. Also for a TLS handshake.
        body_timeout_s: Seconds for a request body, plus one for each 500 bytes received; then 408.
        write_timeout_s: Seconds in which a client may read its response slower than 500 bytes per second; then
            the connection is closed.
        keepalive_s: Seconds that a connection may stay idle. Set it above the idle timeout of the load balancer,
            often 60 s: otherwise the balancer may send a request on a connection that is being closed, and
            answers 502.
        max_unread_bytes: Bytes of large responses that may wait in one worker for slow clients; beyond that the
            connections with the most unread bytes are closed.
        max_connections: Client connections of all workers together, WebSockets, event streams and TLS handshakes
            included; one more gets 503, but for the paths of health. 0 means four fifths of the process's file
            descriptors.
    """

    header_timeout_s: Seconds = 10.0
    body_timeout_s: Seconds = 30.0
    write_timeout_s: Seconds = 30.0
    keepalive_s: Seconds = 75.0
    max_unread_bytes: Bytes = 256_000_000
    max_connections: CountOrZero = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings(ConnectionSettings):
    """The part of `[server]` that is about where clients come in.

    Attributes:
        path: Path of the GraphQL endpoint and of GraphiQL.
        live_path: Path of the liveness check.
        ready_path: Path of the readiness check; it answers 503 during startup and shutdown.
        unix_socket: A socket file to listen on instead of host and port; its file permissions decide who may
            connect. A stale file of an earlier server is replaced; the file goes with the server.
        unix_socket_mode: The file permissions, like "0660"; by default what the process's umask leaves of 0777.
        trusted_proxies: Addresses and networks of proxies, and `unix` for connections over the socket. Only their
            headers about the client are believed: its address (the rightmost one that is not a trusted proxy's), and
            the scheme, host and path prefix that it used.
        forwarded: Which headers those proxies write: `x-forwarded` for `X-Forwarded-For`, `-Proto`, `-Host` and
            `-Prefix`, `forwarded` for RFC 7239's `Forwarded`. The others are whatever a client sent, and are not
            read.
        tls: Certificates, where this server itself speaks TLS.
    """

    path: RoutePath = "/graphql"
    live_path: RoutePath = "/health/live"
    ready_path: RoutePath = "/health/ready"
    unix_socket: NewFile | None = None
    unix_socket_mode: FileMode | None = None
    trusted_proxies: tuple[TrustedProxy, ...] = ()
    forwarded: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    tls: TlsSettings = field(default_factory=TlsSettings)

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if len({self.path, self.live_path, self.ready_path}) < 3:
            raise ValueError("`path`, `live_path` and `ready_path` are three paths")
