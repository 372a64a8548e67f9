"""JSON Web Tokens: from a token's text to its claims, by keys that are at hand. No I/O.

    header → candidates: keys of every issuer that fit it → signature, then `iss`, `aud`, `exp`, `nbf` of that issuer

A candidate that fails leads to the next one: two issuers may use one `kid`, and a token belongs to the one whose
signature *and* claims fit. Which algorithms are taken is the configuration's to say, never the token's.

Source: RFC 7515, 7517, 7519; RFC 8725 for what goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import JWKRegistry, Key, OKPKey, RSAKey
from joserfc.jwt import JWTClaimsRegistry

from gateway.auth.settings import JwksSettings
from gateway.json_bytes import read_strictly

# Signatures that one token may cost of each issuer: a set without `kid`s can be long.
MAX_CANDIDATES = 8
MIN_RSA_BITS = 2048  # NIST SP 800-131A


class TokenRegistry(jws.JWSRegistry):
    """What joserfc reads of a token: heads as long as identity providers send them."""

    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        """An algorithm, without joserfc's warning of a deprecated name: which are taken is configured."""
        if self.allowed and name in self.allowed:
            return self.algorithms[name]
        return super().get_alg(name)


class TokenError(ValueError):
    """A token that is not taken. What it says may be told to its sender."""


class UnknownKeyError(TokenError):
    """No key at hand may have signed it; one may be published by now.

    Args:
        message: As of `TokenError`.
        algorithm: That of the token, as it says.
    """

    def __init__(self, message: str, algorithm: Any) -> None:
        super().__init__(message)
        self.algorithm = algorithm


@dataclass(frozen=True, slots=True)
class Issuer:
    """The keys of one issuer, and what its tokens have to say.

    Attributes:
        settings: As configured.
        keys: Those at hand.
        registry: The algorithms that are taken.
        claims: What the claims have to be.
    """

    settings: JwksSettings
    keys: tuple[Key, ...]
    registry: TokenRegistry
    claims: JWTClaimsRegistry


def issuer_of(
    settings: JwksSettings, keys: Sequence[Key], leeway_s: float, *, require_expiry: bool = True
) -> Issuer:
    """An issuer with these keys."""
    options: dict[str, Any] = {"exp": {"essential": require_expiry}}
    if settings.issuers:
        options["iss"] = {"essential": True, "values": list(settings.issuers)}
    if settings.audiences:
        options["aud"] = {"essential": True, "values": list(settings.audiences)}
    return Issuer(
        settings,
        tuple(keys),
        TokenRegistry(algorithms=settings.taken, strict_check_header=False),
        JWTClaimsRegistry(leeway=int(leeway_s), **options),
    )


def read_keys(document: Any) -> tuple[list[Key], list[str]]:
    """The keys of a key set that verify signatures, and why others are left out. Errors: ValueError."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("a key set is a JSON object with a list `keys`")  # noqa: TRY004
    keys, problems = [], []
    for entry in entries:
        if isinstance(entry, dict) and entry.get("use") == "enc":
            continue
        try:
            keys.append(read_key(entry))
        except (JoseError, ValueError, TypeError, KeyError) as exc:
            kid = entry.get("kid") if isinstance(entry, dict) else None
            problems.append(f"key {kid!r} is left out: {exc}")
    return keys, problems


def read_key(entry: Any) -> Key:
    """One public key. Errors: JoseError, ValueError and what cryptography raises for what is none."""
    if not isinstance(entry, dict) or entry.get("kty") == "oct":
        # A published secret is none; and one beside RSA keys is how RS256 is taken for HS256.
        raise ValueError("it is no public key")
    if entry.get("kty") == "OKP":  # its curve says which one it is, under whatever name
        entry = {name: value for name, value in entry.items() if name != "alg"}
    key = JWKRegistry.import_key(entry)
    if isinstance(key, RSAKey) and key.public_key.key_size < MIN_RSA_BITS:
        raise ValueError(f"it has fewer than {MIN_RSA_BITS} bits")
    return key


def read_secret(secret: str) -> Key:
    """A configured secret as a key."""
    return JWKRegistry.import_key(secret, "oct")


def verified_claims(token: str, issuers: Iterable[Issuer]) -> tuple[dict[str, Any], Issuer, Key]:
    """The claims of a token, whose it is, and the key that it is signed by. Errors: UnknownKeyError, TokenError."""
    try:
        signed = jws.extract_compact(token.encode("ascii"), None, _WIDEST)
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise TokenError("it is not a signed token") from exc
    header = signed.headers()
    if not isinstance(header, dict):
        raise TokenError("its head is no object")
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: we understand no extension
        raise TokenError("it needs an extension that is not supported")
    found = candidates(header, issuers)
    if not found:
        raise UnknownKeyError("no key that is known has signed it", header.get("alg"))
    # Without a `kid` nothing says that it is one of these that has signed it: another may have been published by now.
    what = "its signature does not fit"
    problem = (
        UnknownKeyError(what, header.get("alg")) if header.get("kid") is None else TokenError(what)
    )
    for issuer, key in found:
        if is_signed(signed, key, issuer.registry):
            try:
                return _claims(signed.payload, issuer), issuer, key
            except TokenError as exc:
                problem = exc
    raise problem


_WIDEST = TokenRegistry(strict_check_header=False)


def candidates(header: dict[str, Any], issuers: Iterable[Issuer]) -> list[tuple[Issuer, Key]]:
    """The keys that may have signed a token with this head: those of its `kid` first, and few others of each issuer."""
    algorithm, kid = header.get("alg"), header.get("kid")
    named: list[tuple[Issuer, Key]] = []
    others: list[tuple[Issuer, Key]] = []
    for issuer in issuers:
        if algorithm not in issuer.settings.taken:
            continue
        keys = [
            key
            for key in issuer.keys
            if key.alg in (None, algorithm) and _is_of_curve(key, issuer.settings)
        ]
        named += [(issuer, key) for key in keys if kid is not None and key.kid == kid]
        nameless = [key for key in keys if kid is None or key.kid is None]
        others += [(issuer, key) for key in nameless[:MAX_CANDIDATES]]
    return named[:MAX_CANDIDATES] + others


def _is_of_curve(key: Key, settings: JwksSettings) -> bool:
    """Whether a key of an Edwards curve may sign: Ed448 has no name but the one that stands for both."""
    if not isinstance(key, OKPKey):
        return True
    return key.curve_name == "Ed25519" or "EdDSA" in settings.algorithms


def is_signed(signed: jws.CompactSignature, key: Key, registry: TokenRegistry) -> bool:
    """Whether a key has signed it, by an algorithm that is taken."""
    try:
        return jws.validate_compact(signed, key, registry=registry)
    except (JoseError, ValueError, TypeError):  # a key of another kind, use or curve
        return False


def _claims(payload: bytes, issuer: Issuer) -> dict[str, Any]:
    """Errors: TokenError."""
    try:
        claims = read_strictly(payload)  # an id keeps all its digits
    except ValueError as exc:
        raise TokenError("its claims are not JSON") from exc
    if not isinstance(claims, dict):
        raise TokenError("its claims are no object")
    try:
        issuer.claims.validate(claims)
    except ExpiredTokenError as exc:
        raise TokenError("it has expired") from exc
    except JoseError as exc:
        raise TokenError(f"a claim is not taken: {exc.description or exc.error}") from exc
    return claims


def scopes_of(claims: dict[str, Any], names: Iterable[str]) -> frozenset[str]:
    """The scopes of a token: the first of these claims that is there, a text with spaces or a list."""
    for name in names:
        value = claims.get(name)
        if isinstance(value, str):
            return frozenset(value.split())
        if isinstance(value, list):
            return frozenset(item for item in value if isinstance(item, str))
    return frozenset()
