"""The API keys that one worker has at hand: from a key's text to who comes with it. No I/O."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import NamedTuple

from gateway.auth.api_keys import ApiKey, read_api_keys, read_networks, split_key
from gateway.auth.principal import Principal
from gateway.auth.refusals import bad_key, unavailable
from gateway.auth.settings import ApiKeySettings

logger = logging.getLogger("gateway.auth")

NO_KEYS = "API keys cannot be verified now: their store is not available."
MISSING = "key %s: its `%s` is not configured anywhere: the key is refused"
MOST_ADDRESSES = 256  # of one key, whose networks are remembered


class KeyEntry:
    """A key as it is looked up.

    Args:
        key: As it is kept.
        scopes: Its own; many keys have the same.

    Attributes:
        key: As it is kept.
        principal: Who comes with it.
    """

    __slots__ = ("_networks", "_not_before", "_seen", "key", "principal")

    def __init__(self, key: ApiKey, scopes: frozenset[str]) -> None:
        ends = [moment.timestamp() for moment in (key.not_after, key.revoked) if moment is not None]
        self.key = key
        self._networks = tuple(read_networks(key.cidrs))
        self._not_before = key.not_before.timestamp() if key.not_before is not None else 0.0
        self._seen: dict[str, bool] | None = {} if key.cidrs else None
        self.principal = Principal(
            id=key.client,
            kind="client",
            scopes=scopes,
            client=key.client,
            key=key.id,
            view=key.view,
            limits=key.limits,
            expires=min(ends, default=float("inf")),
            shown=(key,),
        )

    def fits(self, text: str) -> bool:
        """Whether a key's text is this key, secret and all."""
        return hmac.compare_digest(sha256(text.encode()).hexdigest(), self.key.digest)

    def problem(self, address: str, now: float) -> str | None:
        """Why the key is not taken now, or from there; None where it is."""
        if now < self._not_before:
            return "it is not valid yet"
        if now >= self.principal.expires:
            return "it is not valid any more"
        if self._networks and not self._may_come_from(address):
            return "it may not be used from this address"
        return None

    def _may_come_from(self, address: str) -> bool:
        """Whether an address is in one of the key's networks."""
        assert self._seen is not None
        known = self._seen.get(address)
        if known is None:
            try:
                here = ip_address(address.partition("%")[0])
            except ValueError:
                return False  # a Unix socket: no address
            mapped = getattr(here, "ipv4_mapped", None)
            known = any((mapped or here) in network for network in self._networks)
            if len(self._seen) >= MOST_ADDRESSES:
                self._seen.clear()
            self._seen[address] = known
        return known


def terms_of(key: ApiKey) -> tuple[object, ...]:
    """What is decided of a key when it is shown: where this changes, it has to be shown anew."""
    return key.client, key.digest, key.scopes, key.view, key.limits, key.cidrs, key.not_before


KeyEntries = Mapping[str, KeyEntry]
"""Keys by their ids."""


class KeyChanges(NamedTuple):
    """Ids of keys that are others now."""

    added: list[str]
    removed: list[str]
    changed: list[str]


class KeyRing:
    """The keys of one worker.

    Args:
        settings: How they look.
        clock: Unix time, seconds.

    Attributes:
        is_known: Whether it was ever said which keys there are.
        views: The names of the views that keys may have.
        quotas: The names of the policies that they may be under, by their `limits`.
    """

    def __init__(self, settings: ApiKeySettings, clock: Callable[[], float]) -> None:
        self.views: Collection[str] = ()
        self.quotas: Collection[str] = ()
        self._kind = (settings.prefix, settings.environment)
        self.clock = clock
        self.is_known = False
        self._entries: KeyEntries = {}
        self._known: dict[str, KeyEntry] = {}  # by their text: never more than there are keys

    def parse(self, text: bytes) -> KeyEntries:
        """What a document of keys means. Those that are as they were stay what they are. Errors: ValueError.

        A key that names what is not configured is told in the log, and refused alone, while that is so: the others
        count as they are written, those that were revoked among them.
        """
        found, now = {}, self._entries
        moment = datetime.fromtimestamp(self.clock(), UTC)
        scopes: dict[tuple[str, ...], frozenset[str]] = {}
        for key in read_api_keys(text).keys:
            missing = self._missing_for(key)
            if missing is not None and key.state(moment) in ("live", "not yet"):
                logger.error(MISSING, key.id, missing)
            known = now.get(key.id)
            if known is None or known.key != key:
                known = KeyEntry(key, scopes.setdefault(key.scopes, frozenset(key.scopes)))
            found[key.id] = known
        return found

    def _missing_for(self, key: ApiKey) -> str | None:
        """Which member of a key names what is not configured now."""
        if key.view is not None and key.view not in self.views:
            return "view"
        if key.limits is not None and key.limits not in self.quotas:
            return "limits"
        return None

    def use(self, entries: KeyEntries) -> KeyChanges:
        """Know these from now on; what has changed. At first that is nothing."""
        before, is_first = self._entries, not self.is_known
        self._entries, self._known, self.is_known = entries, {}, True
        if is_first:
            return KeyChanges([], [], [])
        return KeyChanges(
            [id_ for id_ in entries if id_ not in before],
            [id_ for id_ in before if id_ not in entries],
            [id_ for id_ in entries if before.get(id_, entries[id_]) is not entries[id_]],
        )

    def keys(self) -> list[ApiKey]:
        """The keys that are known."""
        return [entry.key for entry in self._entries.values()]

    def end_of(self, key: ApiKey) -> float:
        """When a key ends that was taken: long ago where it is gone, or is not what it was."""
        entry = self._entries.get(key.id)
        if entry is None or terms_of(entry.key) != terms_of(key):
            return 0.0
        return entry.principal.expires

    def principal_of(self, text: str, address: str) -> Principal:
        """Who a key is of. Errors: UnauthenticatedError; ClientError(UNAVAILABLE) where no key is known yet."""
        entry = self._known.get(text)
        if entry is None:
            entry = self._look_up(text)
        # Whatever else is wrong is told to nobody who does not have the secret.
        problem = entry.problem(address, self.clock())
        if problem is None and self._missing_for(entry.key) is not None:
            problem = "what it names is not configured"
        if problem is not None:
            raise bad_key(problem, entry.key.id)
        return entry.principal

    def _look_up(self, text: str) -> KeyEntry:
        """What is kept of a key; it is remembered until the keys change. Errors: as of `principal_of`."""
        if not self.is_known:
            raise unavailable(NO_KEYS)
        parts = split_key(text)
        if parts is None:
            raise bad_key("it is not whole")
        if (parts.prefix, parts.environment) != self._kind:
            raise bad_key("it is of another environment")
        entry = self._entries.get(parts.id)
        if entry is None or not entry.fits(text):
            raise bad_key("it is not known")
        self._known[text] = entry
        return entry
