"""Which share of the clients a client is in: a number that is the same in every worker, pod and gateway.

    bucket = first 4 bytes of SHA-256(salt LF name LF key), as a big-endian integer, modulo 10,000

The text is UTF-8. A share of 20 % has the buckets below 2,000: whoever is in it stays in it when it grows. Anybody can
compute it, in a line of any language; `docs/migration.md` has it in PHP.
"""

from __future__ import annotations

from hashlib import sha256

from gateway.override.labels import ALL


def prefix_of(salt: str, name: str) -> bytes:
    """What stands before the key."""
    return f"{salt}\n{name}\n".encode()


def bucket_of(prefix: bytes, key: str) -> int:
    """The bucket of a client, 0 to 9,999."""
    digest = sha256(prefix + key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4]) % ALL
