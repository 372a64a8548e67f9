"""What of a client an execution may depend on: the rule that says who may share one with whom.

Two clients are in one *partition* of an execution when everything that it may read of them is equal: headers,
cookies, members of the principal, flags. The context of a shared execution holds these values only. So a header that
was forgotten here is absent there; it is never another client's. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gateway.auth.cookies import find_cookie
from gateway.auth.principal import (
    ANONYMOUS,
    MEMBERS,
    Principal,
    frozen,
    names_of,
    path_of,
)
from gateway.client.flags import DecidedFlag
from gateway.settings.headers import connection_options

NONE: frozenset[str] = frozenset()

HeaderValues = Mapping[str, Sequence[str]]
# How `vary=` names what is no header: `$principal.id`, `$request.claims.tenant`, `$flags.ranking`.
PRINCIPAL, CLAIMS, FLAGS = "$principal.", "$request.claims.", "$flags."


class Client(Protocol):
    """A client of whom something is read.

    Attributes:
        principal: Who the client is.
        values: The client's headers.
        flags: What was decided for it; None before anything was.
    """

    principal: Principal
    flags: dict[str, DecidedFlag] | None

    @property
    def values(self) -> HeaderValues:
        """The headers, each as the list of its values."""
        ...


class View(NamedTuple):
    """What an execution sees of a client.

    Attributes:
        headers: The headers that it may read.
        principal: The principal with only the members that it may read.
        members: These members and their values, and those of the flags.
        flags: The flags that it may read; None where that is none.
    """

    headers: dict[str, list[str]]
    principal: Principal
    members: tuple[tuple[str, Hashable], ...] = ()
    flags: dict[str, DecidedFlag] | None = None


@dataclass(frozen=True, slots=True)
class Vary:
    """What an execution may read of a client.

    Attributes:
        headers: Names of headers, in lower case.
        patterns: Regular expressions of further names of headers.
        cookies: Names of cookies, where it may not read the whole `cookie` header.
        principal: Members of the principal: `id`, `claims.tenant`.
        owners: Those of them that private answers belong to.
        flags: Names of flags.
    """

    headers: frozenset[str] = NONE
    patterns: frozenset[str] = NONE
    cookies: frozenset[str] = NONE
    principal: frozenset[str] = NONE
    owners: frozenset[str] = NONE
    flags: frozenset[str] = NONE

    def joined(self, other: Vary) -> Vary:
        """What either of them may read."""
        return Vary(
            self.headers | other.headers,
            self.patterns | other.patterns,
            self.cookies | other.cookies,
            self.principal | other.principal,
            self.owners | other.owners,
            self.flags | other.flags,
        )

    def may_share(self, client: Client) -> bool:
        """Whether a client may share an execution: what is private to somebody who has no name is nobody else's."""
        return not self.owners or all(
            client.principal.member(path) is not None for path in self.owners
        )

    def view(self, client: Client) -> View:
        """What may be read of a client, and nothing else."""
        headers = self._headers(client.values)
        if not (self.principal or self.flags):
            return View(headers, ANONYMOUS)
        principal = client.principal
        members = tuple((path, frozen(principal.member(path))) for path in sorted(self.principal))
        seen = principal.seen_by(self.principal) if self.principal else ANONYMOUS
        if not self.flags:
            return View(headers, seen, members)
        decided = client.flags or {}
        flags = {name: decided[name] for name in sorted(self.flags) if name in decided}
        # By value and variant: what is counted for one variant is not another's, whatever its value.
        members += tuple(
            (f"{FLAGS}{name}", (frozen(flag.value), flag.variant)) for name, flag in flags.items()
        )
        return View(headers, seen, members, flags)

    def names(self) -> list[str]:
        """What may be read, as text for people."""
        return [
            *sorted(self.headers),
            *sorted(self.patterns),
            *(f"cookie {name}" for name in sorted(self.cookies)),
            *(f"{PRINCIPAL}{path}" for path in sorted(self.principal)),
            *(f"{FLAGS}{name}" for name in sorted(self.flags)),
        ]

    def _headers(self, values: HeaderValues) -> dict[str, list[str]]:
        if not (self.headers or self.patterns or self.cookies):
            return {}
        seen = {name: list(values[name]) for name in sorted(self.headers) if name in values}
        if self.patterns:
            hop = connection_options(values.get("connection", ()))
            for pattern in self.patterns:
                seen |= {
                    name: list(found)
                    for name, found in values.items()
                    if name not in hop and re.search(pattern, name)
                }
        if self.cookies and "cookie" not in seen:
            kept = [
                f"{name}={value}"
                for name in sorted(self.cookies)
                if (value := find_cookie("; ".join(values.get("cookie", ())), name)) is not None
            ]
            if kept:
                seen["cookie"] = ["; ".join(kept)]
        return seen


VARY_NONE = Vary()
"""What an execution may read that reads nothing of its client."""


def joined(varies: Iterable[Vary | None]) -> Vary | None:
    """What any of them may read; None when it is not known of one."""
    whole = VARY_NONE
    for vary in varies:
        if vary is None:
            return None
        if vary is not VARY_NONE:
            whole = whole.joined(vary)
    return whole


def partition(view: View) -> Hashable:
    """The key of the partition that a view's clients are in."""
    headers = tuple((name, tuple(values)) for name, values in sorted(view.headers.items()))
    return (headers, view.members) if view.members else headers


NOTHING_SEEN = View({}, ANONYMOUS)
"""The view of an execution that reads nothing of its client."""


def vary_of_names(names: Iterable[str]) -> Vary:
    """What `vary=` declares: names of headers, `$principal.id`, `$request.claims.tenant`, `$flags.ranking`.

    Errors: ValueError.
    """
    headers: set[str] = set()
    members: set[str] = set()
    flags: set[str] = set()
    for name in names:
        if name.startswith(FLAGS):
            flags.update(names_of(name.removeprefix(FLAGS))[:1])
        elif name.startswith(CLAIMS):
            members.add(path_of(names_of(f"claims.{name.removeprefix(CLAIMS)}")))
        elif name.startswith(PRINCIPAL):
            members.add(path_of(names_of(name.removeprefix(PRINCIPAL))))
        elif name.startswith("$"):
            raise ValueError(
                f"{name} is nothing that can be read: {PRINCIPAL}id, {CLAIMS}sub, {FLAGS}name"
            )
        else:
            headers.add(name.lower())
    for member in members:
        if member.partition(".")[0] not in MEMBERS:
            raise ValueError(f"{PRINCIPAL}{member}: a principal has {', '.join(MEMBERS)}")
    whole = Vary(frozenset(headers), principal=frozenset(members), flags=frozenset(flags))
    return whole if headers or members or flags else VARY_NONE
