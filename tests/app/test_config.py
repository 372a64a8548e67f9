"""gateway.toml and the environment: what is read, and the one error for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.config import Config, build_config, config_json_schema, load_config
from gateway.errors import ConfigError
from gateway.settings.text import key_lines


def load(folder: Path, text: str, env: dict[str, str] | None = None) -> Config:
    path = folder / "gateway.toml"
    path.write_text(text)
    return load_config(path, env or {})


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Config() == load_config(None, {})


def test_tables_become_frozen_settings(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        '[server]\nport = 9\n[sources.api]\nurl = "http://x"\ntimeout_s = 2\n[connectors.config]\na.b = [1]\n',
    )
    assert config.server.port == 9
    assert config.sources["api"].timeout_s == 2.0
    assert config.connectors.config == {"a": {"b": [1]}}
    with pytest.raises(AttributeError):
        config.server.port = 10  # type: ignore[misc]


def test_the_environment_wins(tmp_path: Path) -> None:
    env = {
        "GATEWAY_SERVER__PORT": "9001",
        "GATEWAY_SOURCES__API__URL": "http://y",
        "GATEWAY_SOURCES__OTHER__TIMEOUT_S": "1.5",
        # What Kubernetes sets beside a Service called "gateway".
        "GATEWAY_PORT": "tcp://10.0.0.1:80",
        "GATEWAY_SERVICE_HOST": "10.0.0.1",
    }
    config = load(
        tmp_path, '[server]\nport = 9\n[sources.api]\nurl = "http://x"\ntimeout_s = 2\n', env
    )
    assert config.server.port == 9001
    assert (config.sources["api"].url, config.sources["api"].timeout_s) == ("http://y", 2.0)
    assert config.sources["other"].timeout_s == 1.5


def test_variables_are_expanded_with_defaults(tmp_path: Path) -> None:
    text = '[sources.api]\nurl = "http://${HOST}:${PORT:-80}/"\n'
    assert load(tmp_path, text, {"HOST": "h"}).sources["api"].url == "http://h:80/"


@pytest.mark.parametrize(
    ("text", "env", "message"),
    [
        ("[server]\nprot = 1", {}, "{file}:2: server.prot: unknown key (did you mean `port`?)"),
        ("\n[servr]\n", {}, "{file}:2: servr: unknown key (did you mean `server`?)"),
        ("[server]\nport = 'x'", {}, "{file}:2: server.port: should be a whole number, got 'x' (0 to 65,535; 8000 by default)"),
        ("[sources.a]\n\ntimeout_s = []", {}, "{file}:3: sources.a.timeout_s: should be a number, got [] (more than 0; 30.0 by default)"),
        ("[sources.a]\ndialect = 'perl'", {}, "{file}:2: sources.a.dialect: should be 'json' or 'php', got 'perl'"),
        ("[server\n", {}, "{file}:1:8: not valid TOML: Expected ']' at the end of a table declaration"),
        ("[sources.a]\nurl = '${NOPE}'", {}, "{file}:2: sources.a.url: the environment variable NOPE is not set (export it, or write ${{NOPE:-a default}})"),
        ("[csrf]\nrequired_headers = ['X-Request-ID']", {}, "{file}:1: csrf: X-Request-ID proves no preflight request: browsers send it without one, or proxies add it"),
        ("[csrf]\nrequired_headers = ['X-Own', 'Accept']", {}, "{file}:1: csrf: Accept proves no preflight request: browsers send it without one, or proxies add it"),
        ("[logs]\naudit_identity = ['Cookie']", {}, "{file}:1: logs: audit_identity: Cookie holds a token, which no log may hold"),
        ("", {"GATEWAY_SERVER__PORT": "x"}, "environment variable GATEWAY_SERVER__PORT: server.port: should be a whole number (0 to 65,535; 8000 by default)"),
        ("", {"GATEWAY_SERVR__PORT": "1"}, "environment: GATEWAY_SERVR__PORT: there is no table [servr] (did you mean `server`?)"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(
    tmp_path: Path, text: str, env: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, env)
    assert str(caught.value) == message.format(file=tmp_path / "gateway.toml")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"nope.toml: the configuration file cannot be read.*--config"
    ):
        load_config(tmp_path / "nope.toml", {})


def test_lines_of_keys() -> None:
    text = '[a]\nx = 1\n"y z" = 2\n[[b.c]]\nd.e = 3\n'
    assert key_lines(text) == {
        ("a",): 1,
        ("a", "x"): 2,
        ("a", "y z"): 3,
        ("b", "c"): 4,
        ("b", "c", "0"): 4,
        ("b", "c", "d", "e"): 5,
        ("b", "c", "0", "d", "e"): 5,
    }


def test_the_json_schema_refuses_unknown_keys() -> None:
    schema = config_json_schema()
    assert schema["additionalProperties"] is False
    assert {"server", "sources", "limits", "plan_cache"} <= set(schema["properties"])


def test_build_config_takes_plain_tables() -> None:
    assert build_config({"server": {"port": 1}}).server.port == 1


@pytest.mark.parametrize(
    "text",
    [
        '[admin]\nkeys = { me = ["s3cret"] }',
        '[admin]\nkeys = "s3cret"',
        'admin = ["s3cret"]',
        '[[authentication.jwt.jwks]]\nsecret = ["s3cret"]',
        'authentication.jwt.jwks = "s3cret"',
        '[[authentication.jwt.jwks]]\nurl = "http://h"\nheaders = { authorization = ["s3cret"] }',
        '[sources.a]\nheaders = { authorization = ["s3cret"] }',
        '[sources.a]\nheaders = ["s3cret"]',
        'sources = { a = "s3cret" }',
        '[[headers.all.request]]\ninsert = { name = "x-api-key", value = ["s3cret"] }',
        '[[headers.all.response]]\ninsert = { name = "x-api-key", value = ["s3cret"] }',
        '[telemetry.metrics]\notlp_headers = { authorization = ["s3cret"] }',
        '[telemetry.tracing]\nheaders = { authorization = ["s3cret"] }',
        '[redis]\nurl = ["s3cret"]',
    ],
)
def test_no_mistake_shows_a_secret_that_stands_in_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, {})
    lines = [one.render() for one in (caught.value, *caught.value.others)]
    assert lines[0].startswith(f"{tmp_path}/gateway.toml:")
    assert "should be" in lines[0]
    assert "s3cret" not in "".join(lines)


def test_several_mistakes_are_said_at_once_without_secrets(tmp_path: Path) -> None:
    text = '[server]\nport = 99999\nworkers = 0\npath = "graphql"\n[sources.api]\nurl = "${TOKEN}"\ntiemout_s = 1\n'
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, {"TOKEN": "s3cret-value"})
    lines = [one.render() for one in (caught.value, *caught.value.others)]
    assert [line.partition(": ")[0].rpartition(":")[2] for line in lines] == list("23467")
    assert "s3cret" not in "".join(lines)
    assert "got '${TOKEN}'" in lines[3]
    assert lines[4].endswith("sources.api.tiemout_s: unknown key (did you mean `timeout_s`?)")


def test_what_an_unset_variable_makes_wrong_is_not_told_again(tmp_path: Path) -> None:
    text = '[admin]\nport = 0\nkeys = { a = "${NOPE}" }\n[redis]\nurl = "${NOPE}"\n[server]\nworkers = -1\n'
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, {})
    keys = [one.key for one in (caught.value, *caught.value.others)]
    assert keys == ["admin.keys.a", "redis.url", "server.workers"]


def test_one_item_may_stand_in_the_place_of_its_list(tmp_path: Path) -> None:
    text = '[graph]\nschema = "s.graphql"\n[headers.all]\nrequest = { remove = { named = "x" } }\n'
    config = load(tmp_path, text)
    assert config.graph.schema == ("s.graphql",)
    assert len(config.headers.all.request) == 1


def test_lists_and_sources_with_capital_letters_by_environment() -> None:
    env = {
        "GATEWAY_SOURCES__CatalogAPI__RETRY__STATUSES": "[502, 503]",
        "GATEWAY_GRAPH__SCHEMA": "s.graphql",
    }
    config = load_config(None, env)
    assert config.sources["CatalogAPI"].retry.statuses == (502, 503)
    assert config.graph.schema == ("s.graphql",)


def test_the_json_schema_has_descriptions_and_bounds() -> None:
    schema = config_json_schema()
    port = schema["$defs"]["ServerSettings"]["properties"]["port"]
    assert (port["minimum"], port["maximum"], port["description"]) == (0, 65535, "TCP port.")
    for part in [schema, *schema["$defs"].values()]:
        for key, inner in part.get("properties", {}).items():
            assert inner.get("description"), key
