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


def doubled(levels: int, leaf: Any) -> dict[str, Any]:
    """Rules of which each refers to the next three times."""
    rules = {f"x{n}": {"if": [{"$ref": f"x{n + 1}"}] * 3} for n in range(levels)}
    return {**rules, f"x{levels}": leaf}


@pytest.mark.parametrize(("levels", "leaf"), [(14, True), (30, True), (5, "x" * 10_000)])
def test_what_shared_rules_expand_to_has_an_end(levels: int, leaf: Any) -> None:
    rules = doubled(levels, leaf)
    flags = {"new": flag(ON_OFF, "off", {"if": [{"$ref": "x0"}, "on", "off"]})}
    with pytest.raises(ValueError, match="expand to more than 1000000 characters"):
        provider_of(flags, **{"$evaluators": rules})


def test_a_rule_may_be_shared_by_many_flags() -> None:
    rules = doubled(2, {"==": [{"var": "path"}, "a"]})
    flags = {f"f{n}": flag(ON_OFF, "off", {"if": [{"$ref": "x0"}, "on", "off"]}) for n in range(90)}
    assert decided(provider_of(flags, **{"$evaluators": rules}), "f89", path="a") is True


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
        (b'{"flags": {"a": {"state": "ON", "variants": {"x": NaN}}}}', "`NaN` is no number"),
        (b'{"flags": {"a": {"state": "ON", "variants": {"x": -Infinity}}}}', "`-Infinity` is no"),
        (b'{"flags": {"a": {"state": "ON", "variants": {"x": 1e999}}}}', "1e999 is too large"),
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


def test_what_a_client_sends_neither_fills_the_log_nor_hides_another_flag(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rule = {"if": [{"sem_ver": [{"var": "version"}, ">=", "1.0.0"]}, "on", "off"]}
    flags = {name: flag(ON_OFF, "off", rule) for name in ("new", "old")}
    provider = provider_of(flags)
    with caplog.at_level(logging.DEBUG, "openfeature.contrib"):
        for number in range(300):
            assert decided(provider, version=f"{number} {'x' * 5_000}") is False
        assert decided(provider, "old", version="y") is False
        provider.use(provider.flags)
        assert decided(provider, version="z") is False
    told = [caplog.handler.format(record) for record in caplog.records]
    assert [("flag new" in one, "flag old" in one) for one in told] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip
    assert max(map(len, told)) < 400
