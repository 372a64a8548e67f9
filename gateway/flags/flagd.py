"""OpenFeature's provider for flags in flagd's format, which are decided in the process: no server, no socket.

The evaluator is OpenFeature's own; here is what a file of flags means, and what one that has changed is taken for.
`$ref`s are resolved here: the evaluator's own way goes over the text, where a backslash in a rule has another meaning.

Source: flagd, "Flag definitions" (flagd.dev/reference/flag-definitions).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isinf
from typing import Any

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import (
    FlagNotFoundError,
    GeneralError,
    OpenFeatureError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider import AbstractProvider, Metadata

from gateway.flags.said_once import deciding, said_once_at, shortened

MAX_DEPTH = 100
"""How deep one rule may stand in another: what is deeper refers to itself."""
MOST_SHARED = 1_000_000
"""What all `$ref`s of a file may expand to, in characters; a value counts as ten at least."""
LEAST_OF_VALUE = 10
NO_FLAGS = b'{"flags": {}}'
Details = FlagResolutionDetails


class FlagSet:
    """The flags of one file.

    Attributes:
        core: Decides them.
        definitions: As written, `$ref`s resolved.
        by_time: Those whose rules read the time.
    """

    def __init__(self, definitions: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        self.definitions = definitions
        self.core = FlagdCore()
        # It takes what it is given to pieces.
        self.core.set_flags(json.dumps({"flags": definitions, "metadata": metadata}))
        self.by_time = frozenset(
            name
            for name, flag in definitions.items()
            if "timestamp" in json.dumps(flag.get("targeting"))
        )


def read_flags(text: bytes) -> FlagSet:
    """What a file says. Errors: ValueError."""
    try:
        found = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    flags = found.get("flags") if isinstance(found, dict) else None
    if not isinstance(flags, dict):
        raise ValueError('`flags` should be an object: {"flags": {"NAME": {…}}}')  # noqa: TRY004 - what is wrong with a text
    rules = found.get("$evaluators") or {}
    if not isinstance(rules, dict):
        raise ValueError("`$evaluators` should be an object")  # noqa: TRY004
    for name, flag in flags.items():
        if not isinstance(flag, dict):
            raise ValueError(f"the flag `{name}` should be an object")  # noqa: TRY004
    try:
        return FlagSet(_References(rules).resolved(flags), found.get("metadata") or {})
    except OpenFeatureError as exc:
        raise ValueError(exc.error_message or str(exc.__cause__ or exc)) from exc


def _no_number(text: str) -> float:
    """Errors: ValueError for what Python takes and JSON does not: NaN, Infinity."""
    raise ValueError(f"`{text}` is no number of JSON")


def _finite(text: str) -> float:
    """Errors: ValueError for a number that no answer could hold."""
    if isinf(value := float(text)):
        raise ValueError(f"the number {shortened(text)} is too large")
    return value


class _References:
    """Puts shared rules in the place of what refers to them.

    Args:
        rules: `$evaluators`, by name.
    """

    def __init__(self, rules: Mapping[str, Any]) -> None:
        self._rules = rules
        self._left = MOST_SHARED

    def resolved(self, value: Any, depth: int = 0, *, is_shared: bool = False) -> Any:
        """A value with each `{"$ref": NAME}` replaced; one that names no rule stays, and its flag cannot be decided.

        Errors: ValueError for what has no end, or is too large.
        """
        if depth > MAX_DEPTH:
            raise ValueError("`$evaluators`: a rule refers to itself, or is nested too deeply")
        if is_shared:
            self._count(value)
        if isinstance(value, list):
            return [self.resolved(item, depth + 1, is_shared=is_shared) for item in value]
        if not isinstance(value, dict):
            return value
        name = value.get("$ref")
        if len(value) == 1 and isinstance(name, str) and name in self._rules:
            return self.resolved(self._rules[name], depth + 1, is_shared=True)
        return {
            key: self.resolved(item, depth + 1, is_shared=is_shared) for key, item in value.items()
        }

    def _count(self, value: Any) -> None:
        """Errors: ValueError where the whole becomes too large."""
        if isinstance(value, dict):
            size = sum(map(len, value))
        else:
            size = 0 if isinstance(value, list) else len(str(value))
        self._left -= max(size, LEAST_OF_VALUE)
        if self._left < 0:
            raise ValueError(
                f"`$evaluators`: the `$ref`s expand to more than {MOST_SHARED} characters"
            )


class FlagdProvider(AbstractProvider):
    """Decides by the flags that it was given last.

    Attributes:
        flags: Those.
        changes: How often others were given.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flags = read_flags(NO_FLAGS)
        self.changes = 0
        # The evaluator logs what is wrong with a rule each time that it decides by it.
        self._said = said_once_at("openfeature.contrib")

    def use(self, flags: FlagSet) -> None:
        """Decide by these from now on."""
        before = self.flags.definitions
        self.flags = flags
        self._said.begin_again()
        self.changes += 1
        names = sorted(
            name
            for name in {*before, *flags.definitions}
            if before.get(name) != flags.definitions.get(name)
        )
        self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=names))

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata("gateway-flagd-file")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> Details[bool]:
        """As `FeatureProvider`."""
        return self._decide("boolean", flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> Details[str]:
        """As `FeatureProvider`."""
        return self._decide("string", flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> Details[int]:
        """As `FeatureProvider`."""
        return self._decide("integer", flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> Details[float]:
        """As `FeatureProvider`."""
        return self._decide("float", flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[Any] | Mapping[str, Any],
        evaluation_context: EvaluationContext | None = None,
    ) -> Details[Sequence[Any] | Mapping[str, Any]]:
        """As `FeatureProvider`."""
        return self._decide("object", flag_key, default_value, evaluation_context)

    def _decide(
        self, kind: str, name: str, default: Any, context: EvaluationContext | None
    ) -> Details[Any]:
        """Errors: OpenFeatureError, whatever a rule does: what is no such error, the SDK logs each time."""
        if name not in self.flags.definitions:
            raise FlagNotFoundError(f"the file has no flag `{name}`")
        try:
            with deciding(name):
                decide = getattr(self.flags.core, f"resolve_{kind}_value")
                found: Details[Any] = decide(name, default, context)
        except OpenFeatureError:
            raise
        except Exception as exc:
            raise GeneralError(f"the targeting of `{name}`: {type(exc).__name__}: {exc}") from exc
        variants = self.flags.definitions[name]["variants"]
        if kind == "float" and isinstance(variants.get(found.variant), bool):
            raise TypeMismatchError(
                "a boolean is no number"
            )  # to Python, and to the evaluator, it is
        return found
