"""What a file in flagd's format means, beyond what OpenFeature's scenarios ask of it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import GeneralError, ParseError, TypeMismatchError

from gateway.flags.flagd import FlagdProvider, read_flags
from tests.flags.scenes import ON_OFF, flag

PATTERN = {"==": [{"var": "path"}, 'C:\\users\\1"é']}


def provider_of(flags: Any, **more: Any) -> FlagdProvider:
    """One that decides by these."""
    provider = FlagdProvider()
    provider.use(read_flags(json.dumps({"flags": flags, **more}).encode()))
    return provider


def decided(provider: FlagdProvider, name: str = "new", **attributes: Any) -> Any:
    """What a boolean flag is."""
    context = EvaluationContext("v1", attributes)
    return provider.resolve_boolean_details(name, False, context).value


def test_a_shared_rule_may_hold_any_text_and_other_rules() -> None:
    rule = {"if": [{"$ref": "both"}, "on", "off"]}
    rules = {"path": PATTERN, "both": {"and": [{"$ref": "path"}, {"==": [{"var": "n"}, 1]}]}}
    provider = provider_of({"new": flag(ON_OFF, "off", rule)}, **{"$evaluators": rules})
    assert decided(provider, path='C:\\users\\1"é', n=1) is True
    assert decided(provider, path="C:", n=1) is False


def test_a_shared_rule_that_refers_to_itself_is_told() -> None:
    rules = {"a": {"and": [{"$ref": "b"}]}, "b": {"or": [{"$ref": "a"}]}}
    flags = {"new": flag(ON_OFF, "off", {"if": [{"$ref": "a"}, "on", "off"]})}
    with pytest.raises(ValueError, match="a rule refers to itself"):
        provider_of(flags, **{"$evaluators": rules})


def test_a_rule_that_is_missing_is_an_error_of_its_flag_alone() -> None:
    rule = {"if": [{"$ref": "none"}, "on", "off"]}
    provider = provider_of({"new": flag(ON_OFF, "off", rule), "old": flag(ON_OFF, "on")})
    with pytest.raises(ParseError):
        decided(provider)
    assert decided(provider, "old") is True


def test_a_rule_that_fails_is_an_error_of_openfeature_s() -> None:
    rule = {"if": [{"<": [{"var": "n"}, {"var": "m"}]}, "on", {"reduce": [[1], {"nothing": 1}, 0]}]}
    provider = provider_of({"new": flag(ON_OFF, "off", rule)})
    with pytest.raises((GeneralError, ParseError)):
        decided(provider, n={"a": 1}, m=[1])


def test_a_boolean_is_no_number() -> None:
    provider = provider_of({"new": flag(ON_OFF, "on")})
    for resolve in (provider.resolve_float_details, provider.resolve_integer_details):
        with pytest.raises(TypeMismatchError):
            resolve("new", 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "Expecting value"),
        (b"[]", "should be an object"),
        (b'{"flags": []}', "should be an object"),
        (b'{"flags": {"a": 1}}', "flag `a` should be an object"),
        (b'{"flags": {}, "$evaluators": 1}', "evaluators` should be an object"),
        (b'{"flags": {"a": {"state": "ON", "variants": {"x": 1}}}}', "state"),
        (b"[" * 5000, "nested too deeply"),
    ],
)
def test_a_file_of_no_use_says_why(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_flags(text)


def test_what_a_rule_complains_of_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    provider = provider_of({"new": flag(ON_OFF, "off", {"fractional": [["on", 0], ["off", 0]]})})
    with caplog.at_level(logging.DEBUG, "openfeature.contrib"):
        for _ in range(5):
            decided(provider)
    said = [record for record in caplog.records if record.name == "openfeature.contrib"]
    assert len(said) <= 1
