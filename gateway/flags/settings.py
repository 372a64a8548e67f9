"""What may be set for flags. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from gateway.client.vary import CLAIMS, PRINCIPAL, vary_of_names
from gateway.settings.kinds import Count, FileBeside, MillisecondsOrZero, TextForm

ProviderName = Annotated[
    str, TextForm(r"(?:[A-Za-z_][\w.]*:[A-Za-z_][\w.]*)?", '"module:name" or ""')
]
_FORMS = "should be $principal.NAME, $request.claims.NAME, header:NAME or cookie:NAME"


def _source_problem(value: str) -> str | None:
    kind, colon, name = value.partition(":")
    if colon and kind in ("header", "cookie"):
        return None if name else _FORMS
    if not value.startswith((PRINCIPAL, CLAIMS)):
        return _FORMS
    try:
        vary_of_names([value])
    except ValueError as exc:
        return str(exc)
    return None


ContextSource = Annotated[str, TextForm(r"\S+", "a part of the client", _source_problem)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagSettings:
    """`[flags]`: what decides flags: `flag:NAME` as a label of `@override`, `$flags.NAME` in mappings.

    Attributes:
        file: Flags in flagd's format, JSON, that are decided in the gateway itself. It is read again as soon as it
            changes.
        provider: An OpenFeature provider of your own or of a package, in place of `file`: "module:name" of one,
            or of what makes one when it is called.
        calls: How that provider is asked: "auto" awaits its async methods where it has some of its own, and else
            calls it at once; "threads" is for one that waits for the network, in threads.
        timeout_ms: How long a request waits for a provider that is awaited or in a thread. Then it has what the
            flag was for the same client before, else its default.
        context: What a flag's rules may read of a client beside `targetingKey`, `isAuthenticated`, `clientName` and
            `clientVersion`: by the name in the rules, `$principal.NAME`, `$request.claims.NAME`, `header:NAME` or
            `cookie:NAME`.
        defaults: By flag its value where nobody decides it. It says the flag's type too: `$flags.NAME` needs one.
        max_remembered: How many decisions are kept, each of one flag for one context.
    """

    file: FileBeside | None = None
    provider: ProviderName = ""
    calls: Literal["auto", "threads"] = "auto"
    timeout_ms: MillisecondsOrZero = 100.0
    context: dict[str, ContextSource] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    max_remembered: Count = 10_000

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if self.file is not None and self.provider:
            raise ValueError("`file` and `provider`: one of the two decides flags")
        for name in ("targetingKey", "isAuthenticated", "clientName", "clientVersion", "$flagd"):
            if name in self.context:
                raise ValueError(f"`context.{name}` is given by the gateway")
        for name, value in self.defaults.items():
            if not isinstance(value, (bool, int, float, str, dict, list)):
                raise ValueError(f"`defaults.{name}` is of no type that a flag can have")  # noqa: TRY004 - pydantic's

    @property
    def is_used(self) -> bool:
        """Whether anything decides flags."""
        return self.file is not None or bool(self.provider)
