"""Which share of the clients a client is in: a number that is the same in every worker, pod and gateway.

    bucket = first 4 bytes of SHA-256(salt LF name LF key), as a big-endian integer, modulo 10,000

The text is UTF-8. A share of 20 % has the buckets below 2,000: whoever is in it stays in it when it grows. Anybody can
compute it, in a line of any language; `docs/migration.md` has it in PHP.
"""

from __future__ import annotations

from hashlib import sha256

from gateway.auth.cookies import find_cookie
from gateway.client.request import ClientRequest
from gateway.override.labels import ALL


def prefix_of(salt: str, name: str) -> bytes:
    """What stands before the key."""
    return f"{salt}\n{name}\n".encode()


def bucket_of(prefix: bytes, key: str) -> int:
    """The bucket of a client, 0 to 9,999."""
    digest = sha256(prefix + key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4]) % ALL


class TargetingKeys:
    """By what a client is drawn.

    Args:
        anonymous_id: "cookie:NAME", "header:NAME" or "".
    """

    def __init__(self, anonymous_id: str) -> None:
        self._kind, _, name = anonymous_id.partition(":")
        self._name = name.lower() if self._kind == "header" else name

    def of(self, client: ClientRequest) -> str:
        """The principal's id, else the anonymous id, else the address, else a draw of its own for the request."""
        principal = client.principal
        if principal.is_authenticated and principal.id:
            return principal.id
        return self._anonymous(client) or client.client_key or client.request_id

    def _anonymous(self, client: ClientRequest) -> str | None:
        if self._kind == "header":
            return client.headers.get(self._name)
        return find_cookie(client.headers.get("cookie", ""), self._name) if self._kind else None
