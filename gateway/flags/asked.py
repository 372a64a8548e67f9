"""What a provider is told of a client: its targeting key, and what of it the configuration lets rules read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from gateway.auth.cookies import find_cookie
from gateway.auth.principal import frozen
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.client.vary import vary_of_names

Reads = Callable[[ClientRequest], Any]


class FlagContext(NamedTuple):
    """One client, as rules see it.

    Attributes:
        key: The `targetingKey`.
        attributes: By the name in the rules; what a client does not have is not there.
        id: Equal for contexts that are equal.
    """

    key: str
    attributes: Mapping[str, Any]
    id: Hashable


class FlagContexts:
    """Makes contexts.

    Args:
        sources: By the name in the rules, what of a client it is.
        keys: Gives targeting keys.
    """

    def __init__(self, sources: Mapping[str, str], keys: TargetingKeys) -> None:
        self.keys = keys
        self._reads = [(name, _reader(source)) for name, source in sources.items()]

    def of(self, client: ClientRequest) -> FlagContext:
        """The context of a client."""
        key, name, version = self.keys.of(client), client.client_name, client.client_version
        attributes: dict[str, Any] = {}
        if name is not None:
            attributes["clientName"] = name
        if version is not None:
            attributes["clientVersion"] = version
        if not self._reads:
            return FlagContext(key, attributes, (key, name, version))
        found = [(told, value) for told, read in self._reads if (value := read(client)) is not None]
        attributes.update(found)
        values = tuple((told, frozen(value)) for told, value in found)
        return FlagContext(key, attributes, (key, name, version, values))


def _reader(source: str) -> Reads:
    kind, _, name = source.partition(":")
    if kind == "header":
        return lambda client: client.headers.get(name.lower())
    if kind == "cookie":
        return lambda client: find_cookie(client.headers.get("cookie", ""), name)
    (member,) = vary_of_names([source]).principal
    if member == "scopes":
        return lambda client: sorted(client.principal.scopes)
    return lambda client: client.principal.member(member)
