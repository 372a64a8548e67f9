"""Which transport a source's calls go through: by its settings alone."""

from __future__ import annotations

from gateway.errors import ConfigError
from gateway.upstream.http1.pool import PoolLimits
from gateway.upstream.http1.transport import H1Transport
from gateway.upstream.settings import SourceSettings
from gateway.upstream.tls import build_tls_context
from gateway.upstream.transport import Transport


def build_transport(settings: SourceSettings) -> Transport:
    """One source's transport; to be called in the event loop that will use it.

    Errors: ConfigError for certificates that cannot be loaded.
    """
    tls = build_tls_context(settings)
    limits = PoolLimits(
        max_connections=settings.max_connections or settings.max_concurrency,
        pool_timeout_s=settings.pool_timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        keepalive_s=settings.keepalive_s,
        max_age_s=settings.max_connection_age_s,
    )
    older = H1Transport(limits, tls=tls, unix_socket=settings.unix_socket)
    if settings.transport == "native":
        return older
    try:
        from gateway.upstream.http2.transport import H2Transport
    except ImportError as exc:
        raise ConfigError(
            'transport = "http2" needs h2',
            key="sources",
            hint="pip install 'compiled-graphql-gateway[http2]'",
        ) from exc
    both = build_tls_context(settings, "h2", "http/1.1")
    return H2Transport(limits, tls=both, older=older, unix_socket=settings.unix_socket)
