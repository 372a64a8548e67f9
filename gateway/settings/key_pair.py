"""A certificate and its private key, loaded from the files that a configuration names.

It never asks anybody for a passphrase: OpenSSL would, at the terminal of a service that runs, and wait.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.errors import ConfigError

# A key of the certificate's algorithm, and one of another.
MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")


class _EncryptedKeyError(ValueError):
    """OpenSSL wants a passphrase."""


def load_key_pair(
    context: ssl.SSLContext, cert: str, key: str | None, keys: tuple[str, str]
) -> None:
    """Load a pair into a context.

    Args:
        context: Gets it.
        cert: The certificate and the chain behind it, PEM.
        key: Its private key, PEM; in the same file where it is None.
        keys: Where the configuration names the two.

    Errors: ConfigError that names the file, and what is wrong with it.
    """
    for name, place in ((cert, keys[0]), (key or cert, keys[1])):
        if Path(name).exists() and not Path(name).is_file():
            raise ConfigError(f"{name} is not a file", key=place)  # a pipe would be waited for
    try:
        context.load_cert_chain(cert, key, password=_refuse)
    except _EncryptedKeyError:
        raise ConfigError(
            f"{key or cert} is encrypted with a passphrase",
            key=keys[1],
            hint=f"nobody is there to type it: openssl pkey -in {key or cert} -out FILE",
        ) from None
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise _explained(exc, cert, key or cert, keys) from exc


def _refuse() -> str:
    raise _EncryptedKeyError


def _explained(exc: Exception, cert: str, key: str, keys: tuple[str, str]) -> ConfigError:
    """OpenSSL's error names no file."""
    from cryptography import x509

    reason = getattr(exc, "reason", None)
    if reason in MISMATCHES:
        return ConfigError(f"{key} is not the key of the certificate in {cert}", key=keys[1])
    for name, place in ((cert, keys[0]), (key, keys[1])):
        try:
            Path(name).read_bytes()
        except OSError as unreadable:
            return ConfigError(f"{name} cannot be read: {unreadable.strerror}", key=place)
    try:
        x509.load_pem_x509_certificates(Path(cert).read_bytes())
    except ValueError:
        return ConfigError(f"{cert} holds no certificate in PEM that can be read", key=keys[0])
    if reason in (None, "NO_START_LINE", "PEM_LIB") or "PEM" in str(exc):
        return ConfigError(f"{key} holds no private key in PEM that can be read", key=keys[1])
    return ConfigError(f"{cert} and its key {key} cannot be loaded: {exc}", key=keys[0])
