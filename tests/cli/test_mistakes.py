"""What somebody types or saves wrong in the first hour: one line that says where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import one_line, run_gateway

SDL = """extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "api", http: { baseURL: "http://127.0.0.1:9" })
type Query { n: Int @connect(source: "api", http: { GET: "/" }, selection: "$.n") }
"""
QUOTES = 'a text stands in quotes: key = "value"'


def project(folder: Path, toml: str | bytes, sdl: str = SDL) -> None:
    (folder / "s.graphql").write_text(sdl)
    whole = toml if isinstance(toml, bytes) else f'[graph]\nschema = "s.graphql"\n{toml}'.encode()
    (folder / "gateway.toml").write_bytes(whole)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (b"\xff\xfe[", ("gateway.toml:1:1: the configuration file is not UTF-8", "save it as UTF-8")),
        (b"[graph]\nschema = s.graphql\n", ("gateway.toml:2:10: not valid TOML", QUOTES)),
        (b'[graph]\nschema = "s.graphql\n', ("gateway.toml:2:", "a text ends on its line")),
        ("[sources.apl]\ntimeout_s = 1\n", ("gateway.toml:3: sources.apl: no @source has this name", "declared: api")),
        ("[[headers.sources.apl.request]]\nremove = { named = 'x' }\n", ("gateway.toml:3: headers.sources.apl:",)),
    ],
    ids=["UTF-16", "no quotes", "one quote", "source", "source of headers"],
)  # fmt: skip
@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_mistake_in_the_file(
    command: str, toml: str | bytes, words: tuple[str, ...], tmp_path: Path
) -> None:
    project(tmp_path, toml)
    line = one_line(run_gateway(command, cwd=tmp_path))
    assert all(word in line for word in words), line


def test_a_mistake_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    project(tmp_path, "")
    line = one_line(
        run_gateway("check", cwd=tmp_path, env={"GATEWAY_SOURCES__apl__TIMEOUT_S": "3"})
    )
    assert "environment variable GATEWAY_SOURCES__apl__TIMEOUT_S: sources.apl:" in line


@pytest.mark.parametrize("command", ["check", "serve"])
def test_an_extra_that_is_missing(command: str, tmp_path: Path) -> None:
    project(tmp_path, '[sources.api]\ntransport = "http2"\n')
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(
        "import importlib.util\nfound = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'h2' else found(name, *more)\n"
    )
    from tests.cli.command import ROOT

    env = {"PYTHONPATH": f"{tmp_path / 'hidden'}:{ROOT}"}
    line = one_line(run_gateway(command, cwd=tmp_path, env=env, is_forked=False))
    assert "gateway.toml:4: sources.api.transport:" in line
    assert "pip install 'compiled-graphql-gateway[http2]'" in line


@pytest.mark.parametrize("command", ["plan", "profile"])
@pytest.mark.parametrize("given", ["[1]", "3", '"x"'])
def test_variables_that_are_no_object(command: str, given: str, tmp_path: Path) -> None:
    project(tmp_path, "")
    line = one_line(run_gateway(command, "{ n }", "--variables", given, cwd=tmp_path))
    assert "--variables is no JSON object" in line


def test_a_directive_with_a_slip(tmp_path: Path) -> None:
    project(tmp_path, "", SDL.replace("@connect(source", "@conect(source"))
    said = run_gateway("check", cwd=tmp_path).stdout
    assert "error: Unknown directive '@conect'. [Schema] (did you mean @connect?)" in said


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    for command in ("check", "serve", "dev"):
        assert "gateway init NAME makes a project" in one_line(run_gateway(command, cwd=tmp_path))


def test_a_whole_table_of_the_environment_is_json(tmp_path: Path) -> None:
    project(tmp_path, "")
    env = {"GATEWAY_LIMITS": '{"max_dept": 3}', "GATEWAY_PORT": "tcp://10.0.0.1:80"}
    line = one_line(run_gateway("check", cwd=tmp_path, env=env))
    assert "environment variable GATEWAY_LIMITS: limits.max_dept: unknown key" in line
    good = {"GATEWAY_LIMITS": '{"max_depth": 3}', "GATEWAY_LIMITS__MAX_DEPTH": "4"}
    assert run_gateway("check", cwd=tmp_path, env=good).returncode == 0
