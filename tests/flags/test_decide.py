"""What a flag is, whatever its provider does: the value, what it was before, or its default. Never an error."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, GeneralError
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.hook import Hook
from openfeature.provider import AbstractProvider, Metadata

from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.concurrency.awaitable import value_of
from gateway.concurrency.patience import MOST_MISSED
from gateway.flags.decide import MAX_VARIANTS, Flags
from gateway.flags.provider import MOST_CALLS, FlagdFilePort, OpenFeaturePort
from gateway.flags.settings import FlagSettings
from tests.flags.scenes import ON_OFF, flag, write_flags

Details = FlagResolutionDetails[Any]


def asked_by(visitor: str = "v1", **headers: str) -> ClientRequest:
    """A client."""
    return ClientRequest({"x-visitor": visitor, **headers}, client_key="192.0.2.1")


def flags_of(port: Any, **settings: Any) -> Flags:
    """Flags by a port; time stands still unless it is told otherwise."""
    return Flags(FlagSettings(**settings), TargetingKeys("header:x-visitor"), port)


class Moody(AbstractProvider):
    """A provider that does what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.asked = 0

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> Any:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Details(True, variant="on", reason=Reason.STATIC)

    def get_metadata(self) -> Metadata:
        return Metadata("moody")

    def _none(
        self, flag_key: str, default_value: Any, evaluation_context: EvaluationContext | None = None
    ) -> Any:
        raise FlagNotFoundError(flag_key)

    resolve_string_details = resolve_integer_details = resolve_float_details = _none
    resolve_object_details = _none


class Slow(Moody):
    """One with an async method, that waits."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def resolve_boolean_details_async(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> Any:
        self.asked += 1
        await self.gate.wait()
        return Details(True, variant="on", reason=Reason.TARGETING_MATCH)


@pytest.fixture(autouse=True)
def sdk() -> Iterator[None]:
    """The SDK's registry is the process's own: it is left as it was."""
    yield
    api.clear_hooks()
    api.set_evaluation_context(EvaluationContext())


async def test_what_it_was_before_counts_where_the_provider_fails_and_else_the_default(
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = Moody()
    port = OpenFeaturePort(provider)
    await port.open()
    flags = flags_of(port)
    assert (await value_of(flags.decide(["new"], asked_by())))["new"] == (True, "on", "STATIC")
    provider.error = GeneralError("away")
    for visitor, expected in (("v1", (True, "on", "STALE")), ("v2", (False, "off", "ERROR"))):
        for _ in range(3):
            assert (await value_of(flags.decide(["new"], asked_by(visitor))))["new"] == expected
    said = [record.message for record in caplog.records if record.name == "gateway.flags"]
    assert said == ["the flag new is not decided: GENERAL: away"]
    assert dict(sample[1:] for sample in flags.samples())[("new", "GENERAL")] == 6
    provider.error = None
    with caplog.at_level(logging.INFO, "gateway.flags"):
        assert (await value_of(flags.decide(["new"], asked_by("v2"))))["new"].value is True
    assert "the flag new is decided again" in caplog.text
    await port.aclose()


async def test_a_flag_that_there_is_no_more_has_its_default() -> None:
    provider = Moody()
    port = OpenFeaturePort(provider)
    await port.open()
    flags = flags_of(port)
    await value_of(flags.decide(["new"], asked_by()))
    provider.error = FlagNotFoundError("none")
    assert (await value_of(flags.decide(["new"], asked_by())))["new"] == (False, "off", "ERROR")
    await port.aclose()


async def test_a_provider_that_raises_anything_is_no_error() -> None:
    provider = Moody()
    port = OpenFeaturePort(provider)
    await port.open()
    provider.error = RuntimeError("a mistake of its own")
    flags = flags_of(port, defaults={"new": True})
    assert (await value_of(flags.decide(["new"], asked_by())))["new"] == (True, "on", "ERROR")
    await port.aclose()


async def test_a_variant_that_is_no_text_and_a_track_that_is_cancelled_are_no_error() -> None:
    class Odd(Moody):
        def resolve_boolean_details(
            self, flag_key: str, default_value: bool, evaluation_context: Any = None
        ) -> Any:
            return Details(True, variant=["a"])  # type: ignore[arg-type]

        def track(self, *_: Any, **__: Any) -> None:
            raise asyncio.CancelledError

    port = OpenFeaturePort(Odd())
    await port.open()
    flags = flags_of(port)
    assert (await value_of(flags.decide(["new"], asked_by())))["new"].variant == "on"
    flags.track(asked_by(), "bought", None, {})
    await port.aclose()


async def test_what_a_provider_raises_is_logged_with_its_traceback_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = Moody()
    port = OpenFeaturePort(provider)
    await port.open()
    provider.error = RuntimeError("a mistake of its own")
    flags = flags_of(port)
    for number in range(3):
        await value_of(flags.decide(["raising"], asked_by(f"v{number}")))
    told = [one for one in caplog.records if one.name == "openfeature"]
    assert [bool(one.exc_info) for one in told] == [True]
    api.get_client("of-somebody-else").get_boolean_value("x", False)
    await port.aclose()


async def test_a_provider_that_answers_nobody_in_time_is_not_waited_for() -> None:
    provider, now = Slow(), [0.0]
    port = OpenFeaturePort(provider)
    await port.open()
    settings = FlagSettings(timeout_ms=1)
    flags = Flags(settings, TargetingKeys("header:x-visitor"), port, lambda: now[0])
    for _ in range(MOST_MISSED + 3):
        assert (await value_of(flags.decide(["new"], asked_by())))["new"].reason == "ERROR"
    assert provider.asked == MOST_MISSED
    now[0] = 2.0
    provider.gate.set()
    assert (await value_of(flags.decide(["new"], asked_by())))["new"].value is True
    await port.aclose()


async def test_one_that_waits_is_called_in_threads_where_that_is_asked_for() -> None:
    class Blocking(Moody):
        def resolve_boolean_details(
            self, flag_key: str, default_value: bool, evaluation_context: Any = None
        ) -> Any:
            with pytest.raises(RuntimeError, match="no running event loop"):
                asyncio.get_running_loop()
            return Details(True, variant="on")

    port = OpenFeaturePort(Blocking(), in_threads=True)
    await port.open()
    flags = flags_of(port, timeout_ms=10_000)
    assert (await value_of(flags.decide(["new"], asked_by())))["new"].value is True
    await port.aclose()


async def test_one_that_hangs_in_its_threads_holds_up_nothing_else() -> None:
    class Hanging(Moody):
        def resolve_boolean_details(
            self, flag_key: str, default_value: bool, evaluation_context: Any = None
        ) -> Any:
            hanging.append(flag_key)
            gate.wait()
            return Details(True, variant="on")

    gate, hanging = threading.Event(), list[str]()
    port = OpenFeaturePort(Hanging(), in_threads=True)
    await port.open()
    now = [0.0]
    flags = Flags(
        FlagSettings(timeout_ms=0), TargetingKeys("header:x-visitor"), port, lambda: now[0]
    )
    try:
        for _ in range(MOST_CALLS + 40):
            now[0] += 2
            assert (await value_of(flags.decide(["new"], asked_by())))["new"].reason == "ERROR"
        assert await asyncio.to_thread(lambda: 1) == 1
        assert len(hanging) <= MOST_CALLS
    finally:
        gate.set()
        await port.aclose()


async def test_a_healthy_one_in_threads_answers_as_many_as_ask() -> None:
    class Blocking(Moody):
        def resolve_boolean_details(
            self, flag_key: str, default_value: bool, evaluation_context: Any = None
        ) -> Any:
            return Details(True, variant="on")

    port = OpenFeaturePort(Blocking(), in_threads=True)
    await port.open()
    flags = flags_of(port, timeout_ms=10_000)
    asked = [value_of(flags.decide(["new"], asked_by(f"v{at}"))) for at in range(4 * MOST_CALLS)]
    assert {decided["new"].value for decided in await asyncio.gather(*asked)} == {True}
    await port.aclose()


async def test_a_provider_that_is_away_at_the_start_keeps_nobody_from_starting() -> None:
    class Away(Moody):
        def initialize(self, evaluation_context: EvaluationContext) -> None:
            raise ConnectionError("no route")

    port = OpenFeaturePort(Away())
    await port.open()
    assert port._opening is not None
    await port.aclose()
    assert port._opening.done()


async def test_without_a_provider_a_flag_has_its_default() -> None:
    flags = flags_of(None, defaults={"ranking": "by-date"})
    decided = await value_of(flags.decide(["ranking", "new"], asked_by()))
    assert decided == {
        "ranking": ("by-date", "by-date", "DEFAULT"),
        "new": (False, "off", "DEFAULT"),
    }


TARGETED = {"if": [{"===": [{"var": "tenant"}, "a"]}, "on", "off"]}


async def test_a_file_is_asked_once_for_equal_clients_until_it_changes(tmp_path: Path) -> None:
    path = write_flags(tmp_path, {"new": flag(ON_OFF, "off", TARGETED)})
    port = FlagdFilePort(path)
    flags = flags_of(port, context={"tenant": "$request.claims.tenant"})
    asked: list[str] = []
    ask = port.ask
    port.ask = lambda *given: asked.append(given[0]) or ask(*given)  # type: ignore[func-returns-value,method-assign]
    await port.open()
    for tenant, value in (("a", True), ("a", True), ("b", False), ("b", False)):
        client = asked_by()
        client.principal = Principal(id="u", kind="user", claims={"tenant": tenant})
        assert (await value_of(flags.decide(["new"], client)))["new"].value is value
    assert len(asked) == 2
    write_flags(tmp_path, {"new": flag(ON_OFF, "on")})
    await port.look()
    client = asked_by()
    client.principal = Principal(id="u", kind="user", claims={"tenant": "b"})
    assert (await value_of(flags.decide(["new"], client)))["new"].value is True
    await port.aclose()


async def test_hooks_and_the_api_s_own_context_count_each_time(tmp_path: Path) -> None:
    class Counting(Hook):
        def __init__(self) -> None:
            self.calls = 0

        def before(self, hook_context: Any, hints: Any) -> EvaluationContext | None:
            self.calls += 1
            return None

    port = FlagdFilePort(write_flags(tmp_path, {"new": flag(ON_OFF, "off", TARGETED)}))
    await port.open()
    flags, hook = flags_of(port), Counting()
    await value_of(flags.decide(["new"], asked_by()))
    api.add_hooks([hook])
    for _ in range(3):
        await value_of(flags.decide(["new"], asked_by()))
    assert hook.calls == 3
    api.clear_hooks()
    api.set_evaluation_context(EvaluationContext(attributes={"tenant": "a"}))
    assert (await value_of(flags.decide(["new"], asked_by())))["new"].value is True
    await port.aclose()


async def test_a_rule_that_reads_the_time_is_asked_each_time(tmp_path: Path) -> None:
    rule = {"if": [{">": [{"var": "$flagd.timestamp"}, 10]}, "on", "off"]}
    port = FlagdFilePort(write_flags(tmp_path, {"new": flag(ON_OFF, "off", rule)}))
    assert not port.holds("new")
    await port.open()
    flags = flags_of(port)
    assert time.time() > 10
    assert (await value_of(flags.decide(["new"], asked_by())))["new"].value is True
    await port.aclose()


async def test_metrics_have_a_bounded_number_of_variants() -> None:
    flags = flags_of(None)
    found = {flags.variant_label("ranking", f"v{number}") for number in range(MAX_VARIANTS + 20)}
    assert len(found) == MAX_VARIANTS + 1
    assert "other" in found


def test_the_context_is_what_the_configuration_says(tmp_path: Path) -> None:
    sources = {
        "region": "header:X-Region",
        "ab": "cookie:ab",
        "roles": "$principal.scopes",
        "plan": "$request.claims.plan",
    }
    flags = flags_of(None, context=sources)
    client = asked_by(cookie="ab=2", **{"x-region": "eu"})
    client.client_name, client.client_version = "ios", "3.1"
    client.principal = Principal(
        id="u1", kind="user", scopes=frozenset({"b", "a"}), claims={"plan": {"tier": 1}}
    )
    context = flags.contexts.of(client)
    assert context.key == "u1"
    assert context.attributes == {
        "isAuthenticated": True, "clientName": "ios", "clientVersion": "3.1", "region": "eu", "ab": "2",
        "roles": ["a", "b"], "plan": {"tier": 1},
    }  # fmt: skip
    assert json.dumps(context.attributes)
    assert flags.contexts.of(asked_by("v2")).attributes == {"isAuthenticated": False, "roles": []}
    assert flags.contexts.of(asked_by("v2")).key == "v2"


@pytest.mark.parametrize(
    "settings",
    [
        {"file": "a.json", "provider": "a:b"},
        {"context": {"clientName": "header:x"}},
        {"defaults": {"a": None}},
    ],
)
def test_settings_that_say_nothing_are_refused(settings: Any) -> None:
    with pytest.raises(ValueError, match=r"file|context|defaults"):
        FlagSettings(**settings)
