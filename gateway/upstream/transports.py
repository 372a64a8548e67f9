"""Which transport a source's calls go through: by its settings alone."""

from __future__ import annotations

from gateway.upstream.h1_pool import Limits
from gateway.upstream.h1_transport import H1Transport
from gateway.upstream.http2_transport import Http2Transport
from gateway.upstream.settings import SourceSettings
from gateway.upstream.tls import build_tls_context
from gateway.upstream.transport import Transport


def build_transport(settings: SourceSettings) -> Transport:
    """One source's transport; to be called in the event loop that will use it.

    Errors: ConfigError for certificates that cannot be loaded.
    """
    tls = build_tls_context(settings)
    limits = Limits(
        max_connections=settings.max_connections or settings.max_concurrency,
        pool_timeout_s=settings.pool_timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        keepalive_s=settings.keepalive_s,
        max_age_s=settings.max_connection_age_s,
    )
    if settings.transport == "http2":
        return Http2Transport(limits, tls=tls, unix_socket=settings.unix_socket)
    return H1Transport(limits, tls=tls, unix_socket=settings.unix_socket)
