"""Files that a configuration names start from its folder, wherever the process was started."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

from gateway.app.config import Config, load_config
from gateway.app.gateway import Gateway, create_app
from gateway.app.reload.inputs import Origin
from gateway.cli.app import app
from gateway.settings.files import rooted
from gateway.transport.server.key_pair import load_served_pair
from gateway.upstream.tls import build_tls_context

CONFIG = """
[graph]
schema = ["schema.graphql"]
[server.tls]
cert = "tls/own.crt"
key = "tls/own.key"
[sources.shop]
url = "https://localhost:1"
tls_ca_file = "tls/ca.pem"
tls_client_cert = "tls/own.crt"
tls_client_key = "tls/own.key"
"""
SCHEMA = """extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@source", "@connect"])
  @source(name: "shop", http: { baseURL: "https://localhost:1" })
type Query { a: String @connect(source: "shop", http: { GET: "/a" }, selection: "$.a") }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with certificates, and a working folder that is another one."""
    folder = tmp_path / "project"
    (folder / "tls").mkdir(parents=True)
    (folder / "gateway.toml").write_text(CONFIG)
    (folder / "schema.graphql").write_text(SCHEMA)
    authority = trustme.CA()
    pair = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "tls" / "ca.pem")
    pair.private_key_pem.write_to_path(folder / "tls" / "own.key")
    pair.cert_chain_pems[0].write_to_path(folder / "tls" / "own.crt")
    monkeypatch.chdir(tmp_path)
    return folder


def is_loaded(config: Config, folder: Path) -> bool:
    """Whether what a configuration names is read, and is this folder's."""
    assert config.server.tls.cert == str(folder / "tls" / "own.crt")
    load_served_pair(config.server.tls.cert, config.server.tls.key)
    context = build_tls_context(config.sources["shop"])
    return context.cert_store_stats()["x509_ca"] == 1 and context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize("given", ["project/gateway.toml", "whole"])
def test_tls_files_are_found_from_another_working_folder(project: Path, given: str) -> None:
    path = project / "gateway.toml" if given == "whole" else Path(given)
    assert is_loaded(Gateway.load(Origin(path), {}).config, project)
    done = CliRunner().invoke(app, ["check", "--config", str(path)])
    assert done.exit_code == 0, done.output


def test_of_a_configuration_in_code_too(project: Path) -> None:
    config = load_config(project / "gateway.toml")
    assert config.server.tls.cert == "tls/own.crt"
    assert is_loaded(create_app(config, base="project").config, project)


def test_one_that_is_not_there_is_named_with_its_folder(project: Path) -> None:
    (project / "tls" / "ca.pem").unlink()
    done = CliRunner().invoke(app, ["check", "--config", "project/gateway.toml"])
    assert done.exit_code != 0
    assert f"no such file: {project}/tls/ca.pem" in done.output.replace("\n", "")


def test_a_configuration_without_files_stays_the_same_object(project: Path) -> None:
    config = Config()
    assert rooted(config, project) is config
    once = rooted(load_config(project / "gateway.toml"), project)
    assert rooted(once, Path("elsewhere")) == once
