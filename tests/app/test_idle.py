"""Settings that change nothing are told: what they need is not written, or another bound ends first."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.config import Config
from gateway.app.gateway import Gateway
from gateway.app.idle import BOUNDED, NEEDS
from gateway.app.reload.inputs import Origin
from gateway.settings.hints import hint_at
from gateway.settings.kinds import Within
from tests.cli.command import run_gateway

ROOT = Path(__file__).parents[2]


def told(text: str, **env: str) -> list[str]:
    return [finding.render() for finding in Origin(Path("gateway.toml")).idle(text, env)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[authentication.jwt]",
            "authentication.jwt has no effect: `authentication.jwt.jwks` is not set [NoEffect] "
            "(set `authentication.jwt.jwks`, or remove this)",
        ),
        (
            "[uploads]",
            "uploads has no effect: `uploads.enabled` is not set [NoEffect] (set `uploads.enabled`, or remove this)",
        ),
        (
            "[sources.users.cache]\nttl_s = 10",
            "sources.users.cache has no effect: `sources.users.cache.enabled` is not set [NoEffect] "
            "(set `sources.users.cache.enabled`, or remove this)",
        ),
        (
            "[authentication.api_keys]\nprefix = 'acme'",
            "authentication.api_keys has no effect: `authentication.api_keys.file` and `authentication.api_keys.kind` "
            "are not set [NoEffect] (set `authentication.api_keys.file` or `authentication.api_keys.kind`, or remove this)",
        ),
        (
            "[response_cache]\nmax_bytes = 1_000",
            "response_cache has no effect: `sources.NAME.cache.enabled` is not set [NoEffect] "
            "(set `sources.NAME.cache.enabled`, or remove this)",
        ),
        (
            "[sources.users]\ntimeout_s = 5_000",
            "sources.users.timeout_s has no effect: 5000 is more than `traffic_shaping.router.timeout_s`, 30 [NoEffect] "
            "(make it smaller, or the other one larger)",
        ),
    ],
)  # fmt: skip
def test_a_setting_without_effect_is_told_with_what_it_needs(text: str, message: str) -> None:
    line = 2 if "_s = 5" in text else 1
    assert told(text) == [f"gateway.toml:{line}: warning: {message}"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[sources.users]",
        "[server]\n[limits]\n[http]",
        "[sources.users.cache]\nenabled = false\nttl_s = 10",
        "[telemetry.tracing]\nendpoint = '${OTLP:-}'\nsample_ratio = 1",
        "[cost]\nmode = 'off'\nmax = 5",
        "[sources.a.cache]\nenabled = true\n[response_cache]\nmax_bytes = 1_000",
        "[sources.a]\nconnect_timeout_s = 5\ntimeout_s = 5",
        "[sources.a]\ntimeout_s = 2",  # less than the default of `connect_timeout_s`, which nobody has written
    ],
)
def test_what_is_switched_or_left_as_it_is_is_not(text: str) -> None:
    assert told(text) == []


def test_one_source_does_not_switch_on_another() -> None:
    text = "[sources.a.hedge]\nenabled = true\n[sources.b.hedge]\npercentile = 90"
    (line,) = told(text)
    assert line.startswith("gateway.toml:3: warning: sources.b.hedge has no effect")


def test_the_environment_switches_and_is_told_of_too() -> None:
    assert told("[uploads]\nmax_files = 2", GATEWAY_UPLOADS__ENABLED="true") == []
    assert told("[uploads]\nmax_files = 2", GATEWAY_UPLOADS='{"enabled": true}') == []
    (line,) = told("", GATEWAY_UPLOADS__MAX_FILES="2")
    assert line.startswith("environment variable GATEWAY_UPLOADS__MAX_FILES: warning: uploads has")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GATEWAY_SERVER_PORT", "GATEWAY_SERVER__PORT"),
        ("gateway_http_graphiql", "GATEWAY_HTTP__GRAPHIQL"),
        ("GATEWAY_SOURCES_users_TIMEOUT_S", "GATEWAY_SOURCES__NAME__TIMEOUT_S"),
        ("GATEWAY_TELEMETRY_METRICS_PORT", "GATEWAY_TELEMETRY__METRICS__PORT"),
    ],
)
def test_a_variable_with_one_underscore_is_told(name: str, meant: str) -> None:
    text = f"warning: environment variable {name} has no effect: two underscores separate the levels [NoEffect] (write {meant})"
    assert told("", **{name: "9"}) == [text]


def test_variables_that_are_not_ours_are_left_alone() -> None:
    env = {
        "GATEWAY_SERVER_PORT": "tcp://10.0.0.1:80",  # of a Service in Kubernetes
        "GATEWAY_PORT": "80",
        "GATEWAY_SERVER_SERVICE_HOST": "10.0.0.1",
        "GATEWAY_TRACE_SECRET": "secret",
        "GATEWAY_OVERRIDE_SECRET": "secret",
        "GATEWAY_SERVE_CONFIG": "gateway.toml",
        "SERVER_PORT": "80",
    }
    assert told("", **env) == []


def test_each_rule_is_of_settings_that_there_are() -> None:
    for key, needed in NEEDS.items():
        for one in (key, *needed.split(" | ")):
            assert hint_at(Config, one.split(".")) is not None, one
    for pair in BOUNDED.items():
        for one in pair:
            marks = getattr(hint_at(Config, one.split(".")), "__metadata__", None)
            assert marks is None or isinstance(marks[0], Within), one


@pytest.mark.parametrize("file", ["gateway.toml", *(str(p) for p in ROOT.glob("examples/**/gateway.toml"))])  # fmt: skip
def test_what_is_shipped_has_none(file: str) -> None:
    assert Origin(ROOT / file).idle((ROOT / file).read_text(), {}) == []


def test_check_lists_them_and_serve_counts_them(tmp_path: Path) -> None:
    (tmp_path / "s.graphql").write_text("type Query { a: Int }")
    (tmp_path / "gateway.toml").write_text("[graph]\nschema = 's.graphql'\n[uploads]\n")
    done = run_gateway("check", "--mock", cwd=tmp_path)
    assert "gateway.toml:3: warning: uploads has no effect" in done.stdout
    assert "0 errors, 1 warning" in done.stderr
    served = Gateway.load(Origin(tmp_path / "gateway.toml"), {}, mock=True)
    assert [finding.code for finding in served.graph.findings] == ["NoEffect"]
