"""What may be set for labels of `@override`. Plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from gateway.client.targeting import AnonymousId
from gateway.override.gates import PromoteSettings, RollbackSettings
from gateway.override.labels import ALL, check_label, share_of
from gateway.settings.kinds import (
    MillisecondsOrZero,
    NewFileBeside,
    VariableName,
    Word,
)
from gateway.upstream.shadow_settings import ShadowSettings

OverrideRule = bool | str
"""On or off for all, or `percent(20)`."""


@dataclass(frozen=True, slots=True)
class RuleForm:
    """What a rule looks like in the configuration."""

    def check(self, value: Any) -> OverrideRule:
        """What is meant; the environment has texts only. Errors: ValueError."""
        if value in ("true", "false"):
            return bool(value == "true")
        if isinstance(value, bool) or (isinstance(value, str) and share_of(value) is not None):
            return value
        raise ValueError("should be true, false or percent(20)")

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """One kind of value, so that one thing is said of a wrong one."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Callable[[Any], Any]) -> Any:
        """Either of its types."""
        return {"type": ["boolean", "string"], "pattern": r"^percent\(.+\)$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideSettings:
    """`[override]`: how the labels of `@override` are decided, and what happens where the new source fails.

    Attributes:
        labels: By label whether it is on: `true` and `false` for all clients, `"percent(20)"` for a share of them that
            is drawn by the label. A label of the schema that is not here is decided by a Python function with
            `@override_label`; `percent(20)` in the schema says it itself.
        salt: Goes into the hash of `percent(x)`. Another salt draws other clients; the same one everywhere lets
            several gateways agree.
        anonymous_id: Where the id of a client stands that has not shown who it is: "cookie:NAME" or "header:NAME".
            Whoever has neither is drawn by its address.
        timeout_ms: How long a request waits for a function of `@override_label`, which is awaited. Then its label is
            off; where it answers nobody, it is not asked for a second.
        on_error: What happens where the source that took a field over fails or its breaker is open: "error"
            answers the error; "from" asks the source that had the field before. Never for mutations.
        switches: A JSON file of labels that are decided otherwise for now: `{"stats-rest": false}`. It is read
            again as soon as it changes; `gateway migrate switch` writes it. "*" is every label, and
            off for it comes first. Need not exist; "" for none.
        header: Who may send `x-gateway-override: LABEL=on` and decide for its own request: "scope" is a principal
            with `header_scope`; "secret" a client that sends the secret in `x-gateway-override-secret`; "never"
            nobody.
        header_scope: The scope.
        header_secret_env: The environment variable that holds the secret, of 16 characters or more.
        shadow: What `@shadow` may ask of the sources.
        promote_when: When a label may be on for more clients.
        rollback_when: When a label is switched off by itself.
    """

    labels: dict[str, Annotated[OverrideRule, RuleForm()]] = field(default_factory=dict)
    salt: str = ""
    anonymous_id: AnonymousId = ""
    timeout_ms: MillisecondsOrZero = 1_000.0
    on_error: Literal["error", "from"] = "error"
    switches: NewFileBeside = ""
    header: Literal["never", "scope", "secret"] = "never"
    header_scope: Word = "override"
    header_secret_env: VariableName = "GATEWAY_OVERRIDE_SECRET"  # noqa: S105 - its name, not the secret
    shadow: ShadowSettings = field(default_factory=ShadowSettings)
    promote_when: PromoteSettings = field(default_factory=PromoteSettings)
    rollback_when: RollbackSettings = field(default_factory=RollbackSettings)

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if "\n" in self.salt:
            raise ValueError("`salt` is one line")
        for label in self.labels:
            check_label(label)


def share_of_rule(rule: OverrideRule) -> int:
    """The share of clients for whom a rule is on, 0 to 10,000. Errors: ValueError."""
    if isinstance(rule, bool):
        return ALL if rule else 0
    share = share_of(rule)
    if share is None:
        raise ValueError(f"`{rule}` decides no label: true, false or percent(20)")
    return share


def share_of_label(label: str, rules: Mapping[str, OverrideRule]) -> int | None:
    """What the configuration or the label itself says; None where Python decides."""
    return share_of_rule(rules[label]) if label in rules else share_of(label)
