"""The TLS context of one source: whom it trusts, and who we say that we are."""

from __future__ import annotations

import ssl
from functools import cache

from gateway.errors import ConfigError
from gateway.settings.key_pair import load_key_pair
from gateway.upstream.settings import SourceSettings

PAIR_KEYS = ("sources.*.tls_client_cert", "sources.*.tls_client_key")


def build_tls_context(settings: SourceSettings, *protocols: str) -> ssl.SSLContext:
    """A client's context with the system's trust store, or the configured one.

    Args:
        settings: The source's.
        protocols: Offered by ALPN, the best first; HTTP/1.1 when none is named.

    Errors: ConfigError for a file that cannot be read or is not what it should be.
    """
    plain = (settings.tls_ca_file, settings.tls_client_cert, settings.tls_verify) == (
        None,
        None,
        True,
    )
    protocols = protocols or ("http/1.1",)
    return default_context(*protocols) if plain else own_context(settings, *protocols)


@cache
def default_context(*protocols: str) -> ssl.SSLContext:
    """Shared by all sources without settings of their own: a trust store takes about a megabyte."""
    return own_context(SourceSettings(), *protocols)


def own_context(settings: SourceSettings, *protocols: str) -> ssl.SSLContext:
    """A context of one source's own. Errors: ConfigError."""
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file)
    except OSError as exc:  # ssl.SSLError is one
        raise ConfigError(
            f"{settings.tls_ca_file} cannot be loaded: {exc}", key="sources.*.tls_ca_file"
        ) from exc
    if settings.tls_client_cert is not None:
        load_key_pair(context, settings.tls_client_cert, settings.tls_client_key, PAIR_KEYS)
    if not settings.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    return context
