"""Who the client is, as everything behind authentication knows it. Pure data: it knows no header, no token and no key.

What reads a principal names the members that it reads: `id`, `client`, `claims.tenant`. A principal that is
shared between clients holds those members only: one that was forgotten here is absent there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

from gateway.auth.read_only import ReadOnlyDict, plain, read_only_members
from gateway.json_bytes import write_json

NOTHING = ReadOnlyDict()
NO_SCOPES: frozenset[str] = frozenset()
MEMBERS = ("id", "kind", "issuer", "scopes", "client", "claims")
"""What mappings, header rules and `vary=` may name; a member of `claims` by its path, `claims.tenant.id`."""

_NAME = re.compile(r"""(?:([\w$@:-]+)|'([^']+)'|"([^"]+)")(\.|$)""")
Kind = Literal["anonymous", "user", "client"]


@dataclass(frozen=True, slots=True, eq=False)
class Principal:
    """Who the client is, as its token or key has proved.

    Attributes:
        id: The token's subject, or the API key's client; None for nobody.
        kind: "user" came with a token, "client" with an API key alone, "anonymous" with neither.
        issuer: Of the token.
        scopes: What it may do.
        claims: Of the token; read-only, since whoever comes with the same token has them.
        client: The application: the API key's client, or the token's `azp` or `client_id`.
        key: The id of the API key.
        view: The part of the schema that it sees, where its key says so.
        limits: The name of the limits that its key is under.
        expires: When it ends, seconds of Unix time.
        shown: The credentials that it has shown; a connection that stays open asks whether they still count.
        decisions: What the schema's directives have decided for it, by the guard that asked.
        plain_claims: The claims for mappings, which know plain dicts. No function of the user's has them.
    """

    id: str | None = None
    kind: Kind = "anonymous"
    issuer: str | None = None
    scopes: frozenset[str] = NO_SCOPES
    claims: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    client: str | None = None
    key: str | None = None
    view: str | None = None
    limits: str | None = None
    expires: float = math.inf
    shown: tuple[Any, ...] = field(default=(), repr=False)
    decisions: dict[Any, tuple[bool, ...]] = field(default_factory=dict, repr=False)
    plain_claims: Mapping[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Both as they are now: a function of the user's may give claims that change.
        claims = {} if self.claims is None else plain(self.claims)
        object.__setattr__(self, "plain_claims", claims)
        if type(self.claims) is not ReadOnlyDict:
            object.__setattr__(self, "claims", read_only_members(claims))

    @property
    def is_authenticated(self) -> bool:
        """Whether it has shown who it is."""
        return self.kind != "anonymous"

    def member(self, path: str) -> Any:
        """The value of a member, `id` or `claims.tenant.id`; None where it has none."""
        first, *rest = names_of(path)
        return _below(getattr(self, first) if first in MEMBERS else None, rest)

    def as_json(self) -> dict[str, Any]:
        """The members that may be read, as mappings read them."""
        return {
            "id": self.id,
            "kind": self.kind,
            "issuer": self.issuer,
            "scopes": sorted(self.scopes),
            "client": self.client,
            "claims": plain(self.claims),
        }

    def text_of(self, path: str) -> str:
        """A member as the value of a header: "" where it has none, scopes with spaces between, objects as JSON.

        Names that spaces would not tell apart are JSON, too.
        """
        value = self.member(path)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, frozenset):
            value = sorted(value)
        if isinstance(value, list) and all(isinstance(one, str) and _is_word(one) for one in value):
            return " ".join(value)
        return write_json(value, default=dict).decode()

    def seen_by(self, paths: Iterable[str]) -> Principal:
        """The same without what is not named."""
        members: dict[str, Any] = {}
        claims: dict[str, Any] = {}
        for path in sorted(paths):
            first, *rest = names_of(path)
            if first not in MEMBERS:
                continue
            if first != "claims":
                members[first] = getattr(self, first)
            elif not rest:
                claims = dict(self.plain_claims)
            else:
                _put(claims, rest, _below(self.plain_claims, rest))
        return Principal(**members, claims=claims)


ANONYMOUS = Principal()
"""Nobody in particular."""


@lru_cache(1_000)
def names_of(path: str) -> tuple[str, ...]:
    """The names of a path, `claims.'https://shop.example/roles'`: quotes stand around what is no word.

    Errors: ValueError.
    """
    names, at, is_over = [], 0, False
    while not is_over:
        found = _NAME.match(path, at)
        if found is None:
            raise ValueError(f"{path}: put quotes around a name that is no word: claims.'a.b'")
        names.append(found[1] or found[2] or found[3])
        at, is_over = found.end(), not found[4]
    return tuple(names)


def path_of(names: Iterable[str]) -> str:
    """The one path of names. Errors: ValueError for a name with both kinds of quotes."""
    return ".".join(_written(name) for name in names)


def _written(name: str) -> str:
    if re.fullmatch(r"[\w$@:-]+", name):
        return name
    quote = '"' if "'" in name else "'"
    if quote in name or not name:
        raise ValueError(f"{name!r} cannot be named: it has both kinds of quotes, or nothing")
    return f"{quote}{name}{quote}"


def joint(user: Principal, client: Principal) -> Principal:
    """A user in an application: what both may do, and no longer than both."""
    return replace(
        user,
        scopes=user.scopes & client.scopes,
        client=client.client,
        key=client.key,
        view=client.view,
        limits=client.limits,
        expires=min(user.expires, client.expires),
        shown=user.shown + client.shown,
        decisions={},
    )


def frozen(value: Any) -> Hashable:
    """A hashable stand-in for a member's value: equal for equal JSON, and never for values of two types."""
    if isinstance(value, Mapping):
        return ("object", *sorted((name, frozen(item)) for name, item in value.items()))
    if isinstance(value, list | tuple):
        return ("list", *(frozen(item) for item in value))
    # 0.0 and -0.0 are equal, and no backend is told the same by them.
    return (type(value), repr(value) if isinstance(value, float) else value)


def _is_word(name: str) -> bool:
    """Whether a name is one where spaces stand between names, and does not look like JSON."""
    return name.split() == [name] and name[0] not in '["{'


def _below(value: Any, path: Iterable[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _put(claims: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Lay a value at a path. One that is None is left out, as an absent one is."""
    if value is None:
        return
    for name in path[:-1]:
        claims = claims.setdefault(name, {})
    claims[path[-1]] = value
