"""The steps of the scenarios, and what they stand for here. Collected by `python -m tests.flags.gherkin` alone."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ProviderFatalError
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagEvaluationOptions
from openfeature.hook import Hook
from openfeature.provider.no_op_provider import NoOpProvider
from openfeature.transaction_context import (
    ContextVarsTransactionContextPropagator,
    clear_transaction_context_propagator,
    set_transaction_context,
    set_transaction_context_propagator,
)
from pytest_bdd import given, parsers, scenarios, then, when

from gateway.flags.flagd import FlagdProvider, read_flags
from tests.flags.gherkin.conftest import FEATURE
from tests.flags.gherkin.suite import NOT_HERE, SUITE, feature_files, flags_for

ROOT = Path(os.environ[SUITE])
TYPES = {"boolean": bool, "string": str, "integer": int, "float": float, "object": dict}
for file in feature_files(ROOT):
    scenarios(str(file))


def value_of(kind: str, text: str) -> Any:
    """A value as the scenarios write it."""
    kind = kind.lower()
    if text == "null":
        return None
    if kind == "boolean":
        return text == "true"
    if kind == "object":
        return json.loads(text.replace('\\"', '"') or "{}")
    return TYPES[kind](text)


class Noting(Hook):
    """Notes what it was called with."""

    def __init__(self, name: str, calls: list[tuple[str, str, Any]]) -> None:
        self.name, self.calls, self.adds = name, calls, EvaluationContext()

    def before(self, hook_context: Any, hints: Any) -> EvaluationContext | None:
        self.calls.append((self.name, "before", None))
        return self.adds

    def after(self, hook_context: Any, details: Any, hints: Any) -> None:
        self.calls.append((self.name, "after", details))

    def error(self, hook_context: Any, exception: Exception, hints: Any) -> None:
        self.calls.append((self.name, "error", exception))

    def finally_after(self, hook_context: Any, details: Any, hints: Any) -> None:
        self.calls.append((self.name, "finally", details))


class Recording(FlagdProvider):
    """Keeps the context that it was asked with."""

    asked: EvaluationContext | None = None

    def _decide(self, kind: str, name: str, default: Any, context: Any) -> Any:
        self.asked = context
        return super()._decide(kind, name, default, context)


class Fatal(FlagdProvider):
    """Cannot begin."""

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        raise ProviderFatalError("no flags")


class Scene:
    """What one scenario has said so far."""

    def __init__(self, feature: Path) -> None:
        self.provider = Recording()
        self.provider.use(read_flags(json.dumps(flags_for(feature)).encode()))
        self.client: OpenFeatureClient = api.get_client("scenario")
        self.key, self.kind = "", "boolean"
        self.default: Any = None
        self.targeting_key: str | None = None
        self.attributes: dict[str, Any] = {}
        self.details: FlagEvaluationDetails[Any] | None = None
        self.calls: list[tuple[str, str, Any]] = []
        self.before = Noting("before hooks", self.calls)
        self.options = FlagEvaluationOptions()
        self.levels: list[str] = []

    @property
    def found(self) -> FlagEvaluationDetails[Any]:
        """What was evaluated."""
        assert self.details is not None
        return self.details

    def context(self) -> EvaluationContext:
        """That of the call."""
        return EvaluationContext(self.targeting_key, dict(self.attributes))

    def evaluate(self) -> None:
        """Ask."""
        ask = getattr(self.client, f"get_{self.kind.lower()}_details")
        self.details = ask(self.key, self.default, self.context(), self.options)


@pytest.fixture
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """One scenario; the SDK's registry is as it was afterwards."""
    for mark in request.node.iter_markers():
        if mark.name in NOT_HERE:
            pytest.skip(NOT_HERE[mark.name])
    yield Scene(request.node.stash[FEATURE])
    api.clear_hooks()
    api.set_evaluation_context(EvaluationContext())
    clear_transaction_context_propagator()
    api.set_provider_and_wait(NoOpProvider(), "scenario")


@given("an evaluator")
@given("a stable provider")
@given("a stable flagd provider")
def stable(scene: Scene) -> None:
    api.set_provider_and_wait(scene.provider, "scenario")


@given(parsers.re(r"a (?P<state>not ready|fatal|error|stale|ready) provider"))
def provider_in_state(scene: Scene, state: str) -> None:
    if state == "not ready":
        scene.client = api.get_client("nobody")
        from openfeature.provider import ProviderStatus
        from openfeature.provider._registry import provider_registry

        api.set_provider_and_wait(scene.provider, "scenario")
        scene.client = api.get_client("scenario")
        provider_registry._provider_status[scene.provider] = ProviderStatus.NOT_READY
        return
    if state == "fatal":
        scene.provider = Fatal()  # type: ignore[assignment]
        with pytest.raises(ProviderFatalError):
            api.set_provider_and_wait(scene.provider, "scenario")
        return
    api.set_provider_and_wait(scene.provider, "scenario")
    from openfeature.event import ProviderEventDetails

    if state == "error":
        scene.provider.emit_provider_error(ProviderEventDetails(message="away"))
    elif state == "stale":
        scene.provider.emit_provider_stale(ProviderEventDetails(message="old"))


@then(parsers.parse('the provider status should be "{status}"'))
def provider_status(scene: Scene, status: str) -> None:
    assert scene.client.get_provider_status().value == status


@given(
    parsers.re(
        r'an option "(?P<name>[^"]*)" of type "(?P<kind>[^"]*)" with value "(?P<value>[^"]*)"'
    )
)
def option(scene: Scene, name: str, kind: str, value: str) -> None:
    if name == "selector":
        pytest.skip("a selector of flagd as a server")


@given(
    parsers.re(
        r'an? (?P<kind>\w+)-flag with key "(?P<key>[^"]*)" and a (?:fallback|default) value "(?P<value>.*)"'
    )
)
def flag_with_default(scene: Scene, kind: str, key: str, value: str) -> None:
    scene.key, scene.kind, scene.default = key, kind, value_of(kind, value)


@given(
    parsers.re(
        r'a context containing a key "(?P<key>[^"]*)", with type "(?P<kind>[^"]*)" and with value "(?P<value>.*)"'
    )
)
def context_key(scene: Scene, key: str, kind: str, value: str) -> None:
    scene.attributes[key] = value if kind == "String" else value_of(kind, value)


@given(parsers.parse('a context containing a key "{key}" with null value'))
def context_null(scene: Scene, key: str) -> None:
    scene.attributes[key] = None


@given(parsers.re(r'a context containing a targeting key with value "(?P<value>[^"]*)"'))
def targeting_key(scene: Scene, value: str) -> None:
    scene.targeting_key = value


@given(
    parsers.re(
        r'a context containing a nested property with outer key "(?P<outer>[^"]*)" and inner key "(?P<inner>[^"]*)", with value "(?P<value>[^"]*)"'
    )
)
def nested(scene: Scene, outer: str, inner: str, value: str) -> None:
    scene.attributes[outer] = {inner: int(value) if value.isdigit() else value}


@when("the flag was evaluated with details")
@when("the flag was evaluated with details using the evaluation options")
def evaluate(scene: Scene) -> None:
    scene.evaluate()


@when("the flag was evaluated with details asynchronously")
def evaluate_async(scene: Scene) -> None:
    ask = getattr(scene.client, f"get_{scene.kind.lower()}_details_async")
    scene.details = asyncio.run(ask(scene.key, scene.default, scene.context()))


@then("the evaluation should complete without blocking")
def completed(scene: Scene) -> None:
    assert scene.found.error_code is None


@then(parsers.re(r'the resolved details value should be "(?P<value>.*)"'))
def resolved(scene: Scene, value: str) -> None:
    assert scene.found.value == value_of(scene.kind, value)


@then(parsers.parse('the reason should be "{reason}"'))
def reason_is(scene: Scene, reason: str) -> None:
    assert scene.found.reason == reason


@then(parsers.re(r'the error-code should be "(?P<code>[^"]*)"'))
def error_code_is(scene: Scene, code: str) -> None:
    found = scene.found.error_code
    assert (found.value if found is not None else "") == code


@then(parsers.parse('the variant should be "{variant}"'))
def variant_is(scene: Scene, variant: str) -> None:
    assert scene.found.variant == variant


@then(parsers.parse('the flag key should be "{key}"'))
def key_is(scene: Scene, key: str) -> None:
    assert scene.found.flag_key == key


@then("the resolved metadata should contain")
def metadata(scene: Scene, datatable: list[list[str]]) -> None:
    for key, kind, value in datatable[1:]:
        assert scene.found.flag_metadata[key] == value_of(kind, value)


@then("the resolved metadata is empty")
def no_metadata(scene: Scene) -> None:
    assert not scene.found.flag_metadata


@given("a client with added hook")
def client_with_hook(scene: Scene) -> None:
    scene.client.add_hooks([Noting("client", scene.calls)])


@then(parsers.parse('the "{name}" hook should have been executed'))
def hook_ran(scene: Scene, name: str) -> None:
    assert name in [stage for _, stage, _ in scene.calls]


@then(parsers.parse('the "{names}" hooks should be called with evaluation details'))
def hooks_ran(scene: Scene, names: str, datatable: list[list[str]]) -> None:
    for name in names.split(", "):
        (details,) = [given for _, stage, given in scene.calls if stage == name]
        for kind, key, value in datatable[1:]:
            assert getattr(details, key) == value_of(kind, value)


@given("evaluation options containing specific hooks")
def options_with_hooks(scene: Scene) -> None:
    scene.client.add_hooks([Noting("client", scene.calls)])
    scene.options = FlagEvaluationOptions(
        [Noting("first", scene.calls), Noting("second", scene.calls)]
    )


@then("the specified hooks should execute during evaluation")
def options_ran(scene: Scene) -> None:
    assert {"first", "second"} <= {name for name, _, _ in scene.calls}


@then("the hook order should be maintained")
def hook_order(scene: Scene) -> None:
    order = ["client", "first", "second"]
    assert [name for name, stage, _ in scene.calls if stage == "before"] == order
    assert [name for name, stage, _ in scene.calls if stage == "after"] == order[::-1]


@given("an evaluation context with modifiable data")
def modifiable(scene: Scene) -> None:
    scene.attributes = {"email": "ballmer@macrosoft.com", "nested": {"a": [1]}}


@then("the original evaluation context should remain unmodified")
def unmodified(scene: Scene) -> None:
    assert scene.attributes == {"email": "ballmer@macrosoft.com", "nested": {"a": [1]}}


@then("the evaluation details should be immutable")
def immutable(scene: Scene) -> None:
    before = scene.found
    scene.evaluate()
    assert scene.found is not before
    assert scene.found == before


# The levels of contexts


@given("a stable provider with retrievable context is registered")
def retrievable(scene: Scene) -> None:
    set_transaction_context_propagator(ContextVarsTransactionContextPropagator())
    set_transaction_context(EvaluationContext())
    api.set_provider_and_wait(scene.provider, "scenario")
    scene.client.add_hooks([scene.before])


@given(
    parsers.re(
        r'A context entry with key "(?P<key>[^"]*)" and value "(?P<value>[^"]*)" is added to the "(?P<level>[^"]*)" level'
    )
)
def add_to_level(scene: Scene, key: str, value: str, level: str) -> None:
    added = EvaluationContext(attributes={key: value})
    if level == "API":
        api.set_evaluation_context(api.get_evaluation_context().merge(added))
    elif level == "Transaction":
        set_transaction_context(api.get_transaction_context().merge(added))
    elif level == "Client":
        scene.client.context = scene.client.context.merge(added)
    elif level == "Invocation":
        scene.attributes[key] = value
    else:
        assert level == "Before Hooks"
        scene.before.adds = scene.before.adds.merge(added)


@given("A table with levels of increasing precedence")
def levels(scene: Scene, datatable: list[list[str]]) -> None:
    scene.levels = [row[0] for row in datatable]


@given(
    parsers.re(
        r'Context entries for each level from API level down to the "(?P<level>[^"]*)" level, with key "(?P<key>[^"]*)" and value "(?P<value>[^"]*)"'
    )
)
def add_to_levels(scene: Scene, level: str, key: str, value: str) -> None:
    for name in scene.levels[: scene.levels.index(level) + 1]:
        add_to_level(scene, key, name, name)


@when("Some flag was evaluated")
def some_flag(scene: Scene) -> None:
    scene.key, scene.kind, scene.default = "boolean-flag", "boolean", False
    scene.evaluate()


@then(
    parsers.re(
        r'The merged context contains an entry with key "(?P<key>[^"]*)" and value "(?P<value>[^"]*)"'
    )
)
def merged(scene: Scene, key: str, value: str) -> None:
    asked = scene.provider.asked
    assert asked is not None
    assert asked.attributes[key] == value
