"""Ids of documents: hashes by the one algorithm that everybody uses, and names of the clients' own. Pure."""

from __future__ import annotations

import re
from hashlib import sha256

PREFIX = "sha256:"
SEPARATOR = "~"
"""Between the parts of an id of an application's version."""
_HASH = re.compile(r"[0-9a-f]{64}")


def hash_of(text: str) -> str:
    """The id of a text: SHA-256, 64 hexadecimal digits."""
    # Half a surrogate pair, which JSON can carry, is no UTF-8; such a text is refused when it is parsed.
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_hash(id_: str) -> bool:
    """Whether an id is a hash of a text."""
    return _HASH.fullmatch(id_) is not None


def plain_id(id_: str) -> str:
    """An id as manifests and stores have it: a hash without its prefix, anything else as it is."""
    version, separator, own = id_.rpartition(SEPARATOR)
    bare = own.removeprefix(PREFIX).lower()
    return f"{version}{separator}{bare}" if is_hash(bare) else id_
