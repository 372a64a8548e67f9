"""Keys and tokens as issuers make them, for tests."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

ISSUER = "https://issuer.example"
AUDIENCE = "gateway"


@cache
def rsa_key(kid: str | None = "r1", size: int = 2048) -> Key:
    return RSAKey.generate_key(size, {"kid": kid} if kid else None)


@cache
def ec_key(kid: str | None = "e1", curve: str = "P-256") -> Key:
    return ECKey.generate_key(curve, {"kid": kid} if kid else None)


@cache
def okp_key(kid: str = "o1") -> Key:
    return OKPKey.generate_key("Ed25519", {"kid": kid})


def key_set(*keys: Key) -> dict[str, Any]:
    """The public parts, as an issuer publishes them."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def token_of(
    key: Key, algorithm: str = "ES256", head: dict[str, Any] | None = None, **claims: Any
) -> str:
    """A token that is good for five minutes; a claim that is None is left out."""
    now = int(time.time())
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": now,
        "exp": now + 300,
        **claims,
    }
    header: dict[str, Any] = {"alg": algorithm, **({"kid": key.kid} if key.kid else {})}
    header |= head or {}
    kept = {name: value for name, value in whole.items() if value is not None}
    registry = None
    if head:
        from joserfc.jws import JWSRegistry

        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode(header, kept, key, algorithms=[algorithm], registry=registry)
