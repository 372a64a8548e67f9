"""API keys of partners: what one looks like, and what is kept of it. Pure: no I/O.

    gw_live_7Q2m9xKfTb_<26 characters>_1a2b3c4d        prefix, environment, id, secret, CRC-32 of what stands before

Underscores only, so that a double click takes all of it and scanners of repositories know it. The CRC refuses what was
mistyped without a look-up. The secret has 154 random bits: its SHA-256 is all that has to be kept of it.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple
from zlib import crc32

import msgspec

ALPHABET = string.ascii_letters + string.digits
ID_LENGTH = 10
SECRET_LENGTH = 26
MAX_KEY_LENGTH = 128


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of one key.

    Attributes:
        id: What it is known by; no secret.
        client: Whose it is. A client has as many keys as it likes.
        digest: SHA-256 of the whole key, in hexadecimal digits.
        created: When it was made.
        name: What it is for, for people.
        scopes: What it may do.
        view: The part of the schema that it sees.
        limits: The name of the limits that it is under.
        cidrs: Networks that it may be used from; empty for all.
        not_before, not_after: When it is valid; None for no bound.
        revoked: When it was taken back.
    """

    id: str
    client: str
    digest: str
    created: datetime
    name: str = ""
    scopes: tuple[str, ...] = ()
    view: str | None = None
    limits: str | None = None
    cidrs: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked: datetime | None = None

    def state(self, now: datetime) -> str:
        """ "live", "revoked", "expired" or "not yet"."""
        if self.revoked is not None and self.revoked <= now:
            return "revoked"
        if self.not_after is not None and self.not_after <= now:
            return "expired"
        return "not yet" if self.not_before is not None and now < self.not_before else "live"


class ApiKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document of keys, as a file or Redis keeps it."""

    keys: tuple[ApiKey, ...] = ()


class KeyParts(NamedTuple):
    """A key's text, taken apart."""

    prefix: str
    environment: str
    id: str
    secret: str


def make_key(prefix: str, environment: str) -> tuple[str, str]:
    """A new key: its text, to be shown once, and its id."""
    id_ = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    text = f"{prefix}_{environment}_{id_}_{secret}"
    return f"{text}_{crc32(text.encode()):08x}", id_


def split_key(text: str) -> KeyParts | None:
    """A key's parts; None for what is none, or was mistyped."""
    if len(text) > MAX_KEY_LENGTH or not text.isascii():
        return None
    body, _, crc = text.rpartition("_")
    if crc != f"{crc32(body.encode()):08x}":
        return None
    parts = body.split("_")
    return KeyParts(*parts) if len(parts) == 4 else None


def digest_of_key(text: str) -> str:
    """What is kept of a key's text."""
    return sha256(text.encode()).hexdigest()


def read_api_keys(text: bytes) -> ApiKeys:
    """The document of keys. Errors: ValueError that names what is wrong with it, and none of its values."""
    try:
        found = msgspec.json.decode(text, type=ApiKeys)
    except msgspec.MsgspecError as exc:
        raise ValueError(str(exc)) from exc
    known: set[str] = set()
    for key in found.keys:
        if key.id in known:
            raise ValueError(f"key {key.id} stands there twice")
        known.add(key.id)
        if len(key.digest) != 64 or not set(key.digest) <= set("0123456789abcdef"):
            raise ValueError(f"key {key.id}: `digest` is a SHA-256 in 64 hexadecimal digits")
        for name in ("created", "not_before", "not_after", "revoked"):
            moment = getattr(key, name)
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"key {key.id}: `{name}` has no time zone")
        read_networks(key.cidrs)
    return found


def write_api_keys(keys: ApiKeys) -> bytes:
    """The document's bytes."""
    return msgspec.json.format(msgspec.json.encode(keys)) + b"\n"


def read_networks(cidrs: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    """Networks by their text. Errors: ValueError."""
    return [ip_network(text) for text in cidrs]


def utc_now() -> datetime:
    """The time, in whole seconds: as keys have it."""
    return datetime.now(UTC).replace(microsecond=0)
