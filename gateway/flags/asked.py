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
    """

    key: str
    attributes: Mapping[str, Any]


class FlagContexts:
    """Makes contexts.

    Args:
        sources: By the name in the rules, what of a client it is.
        keys: Gives targeting keys.
    """

    def __init__(self, sources: Mapping[str, str], keys: TargetingKeys) -> None:
        self.keys = keys
        self._reads = [(name, *_readers(source)) for name, source in sources.items()]
        self._parts = [part for _, _, part in self._reads]

    def id_of(self, client: ClientRequest) -> Hashable:
        """Equal for clients whose contexts are equal. It costs a part of what a context costs."""
        key, name, version = self.keys.of(client), client.client_name, client.client_version
        is_known = client.principal.is_authenticated
        return (key, is_known, name, version, *[part(client) for part in self._parts])

    def of(self, client: ClientRequest) -> FlagContext:
        """The context of a client."""
        found: list[tuple[str, Any]] = [
            ("isAuthenticated", client.principal.is_authenticated),
            ("clientName", client.client_name),
            ("clientVersion", client.client_version),
        ]
        found += [(told, read(client)) for told, read, _ in self._reads]
        attributes = {told: value for told, value in found if value is not None}
        return FlagContext(self.keys.of(client), attributes)


def _readers(source: str) -> tuple[Reads, Reads]:
    """What reads a value of a client, and what reads a hashable one that is equal for equal values only."""
    kind, _, name = source.partition(":")
    if kind == "header":
        header = name.lower()
        return (read := lambda client: client.headers.get(header)), read
    if kind == "cookie":
        return (read := lambda client: find_cookie(client.headers.get("cookie", ""), name)), read
    (member,) = vary_of_names([source]).principal
    if member == "scopes":
        return lambda client: sorted(
            client.principal.scopes
        ), lambda client: client.principal.scopes
    return (
        lambda client: client.principal.member(member),
        lambda client: frozen(client.principal.member(member)),
    )
