"""Where stored answers are: digests of all that a request sends, the same in memory and in Redis.

It must leave out nothing that an answer may depend on: what is missing here would be shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from gateway.upstream.transport import Header, UpstreamRequest

LEAST, MOST = -(2**63), 2**64 - 1
"""The numbers that msgpack has."""
BIG_NUMBER, ODD_TEXT = 1, 2


class RequestKeys(msgspec.Struct):
    """Of one request.

    Attributes:
        exact: Of whoever sends the very same.
        own: Of one principal that sends the very same; None where there is none.
        is_private: Only `own` may be looked at.
        asked: What `shared` is the digest of.
        headers: As they are sent.
    """

    exact: bytes
    own: bytes | None
    is_private: bool
    asked: bytes
    headers: Sequence[Header] = ()
    _shared: bytes | None = None
    _asked_in: dict[tuple[str, ...], bytes] | None = None

    @property
    def shared(self) -> bytes:
        """Of whoever asks for the same URL: what a request's headers have to be is said by the answer."""
        if self._shared is None:
            self._shared = _digest(self.asked)
        return self._shared

    def asked_in(self, names: tuple[str, ...]) -> bytes:
        """`digest_in` of its headers, worked out once for each list of names."""
        known = self._asked_in
        if known is None:
            known = self._asked_in = {}
        found = known.get(names)
        if found is None:
            found = known[names] = digest_in(self.headers, names)
        return found

    @property
    def who(self) -> tuple[bytes, bytes | None, bool]:
        """Equal for requests that get the same answers."""
        return self.exact, self.own, self.is_private

    def found_by(self, *, may_be_shared: bool = True) -> tuple[bytes, ...]:
        """Where the answer may be: what anybody gets, then what is its principal's own.

        Args:
            may_be_shared: Whether there are answers that more than the very same request gets: looking costs a digest.
        """
        own = self.own
        if own is None:
            return (self.exact, self.shared) if may_be_shared else (self.exact,)
        if self.is_private:
            return (own,)
        return (self.exact, self.shared, own) if may_be_shared else (self.exact, own)

    def kept_by(self, private_id: str | None, *, is_shared: bool) -> bytes:
        """Where an answer is kept."""
        if private_id is not None:
            assert self.own is not None
            return self.own
        return self.shared if is_shared else self.exact


def keys_of(request: UpstreamRequest) -> RequestKeys:
    """The keys of a request, which is noted: it must not be changed any more."""
    if request.cache_keys is None:
        asked = _encode(
            (request.source, request.cache_rules, request.method, request.url, request.body)
        )
        exact = _digest(asked + _encode(request.headers))
        hints = request.hints
        private_id = None if hints is None else hints.private_id
        request.cache_keys = RequestKeys(
            exact,
            None if private_id is None else _digest(exact + private_id.encode()),
            hints is not None and hints.is_private,
            asked,
            request.headers,
        )
    return request.cache_keys


def digest_in(headers: Sequence[Header], names: tuple[str, ...]) -> bytes:
    """A digest of what some headers say; b"" where none of them is there."""
    values = [joined_value(headers, name) for name in names]
    return b"" if all(value is None for value in values) else _digest(_encode(values))


def joined_value(headers: Sequence[Header], name: str) -> str | None:
    """A request header's values as one, white space around them left out; None without it. RFC 9111 §4.1"""
    values = [value for key, value in headers if key.lower() == name]
    if not values:
        return None
    text = ",".join(part.strip() for value in values for part in value.split(","))
    return text.lower() if name == "accept-language" else text  # RFC 5646 §2.1.1


def base_key(*parts: object) -> bytes:
    """Of rows that are the same for the same key."""
    return _digest(b"rows" + _encode(parts))


def row_key(base: bytes, key: object) -> bytes:
    """Of one row, in Redis."""
    return _digest(base + _encode(key))


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _named(value: object) -> str:
    """A partition tells 1 from true by their types."""
    if isinstance(value, type):
        return value.__qualname__
    raise NotImplementedError


_packed = msgspec.msgpack.Encoder(enc_hook=_named).encode


def _encode(value: object) -> bytes:
    """The same bytes for equal values, and others for others: numbers of any size, and text of any characters."""
    try:
        return _packed(value)
    except (OverflowError, UnicodeEncodeError):
        return _packed(_packable(value))


def _packable(value: Any) -> Any:
    """A value with what msgpack has no form for as a kind of its own."""
    if isinstance(value, int) and not LEAST <= value <= MOST:
        return msgspec.msgpack.Ext(BIG_NUMBER, b"%d" % value)
    if isinstance(value, str) and not value.isascii():
        return msgspec.msgpack.Ext(ODD_TEXT, value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list | tuple):
        return [_packable(item) for item in value]
    return value
