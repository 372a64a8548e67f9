"""The command line as a person uses it: what is printed, and the exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from gateway.app.gateway import create_app
from gateway.app.reload.successors import SERVE_PARENT
from gateway.cli import serve as serve_module
from gateway.cli.app import GatewayCommands, app
from gateway.cli.serve import SERVE_CONFIG, SERVE_MOCK, SERVE_SCHEMA, event_loop, served_config
from tests.cli.command import GATEWAY, ROOT, run_gateway


def test_help_says_of_each_command_what_the_command_says_of_itself() -> None:
    context = typer.Context(get_command(app))
    for name, place in GatewayCommands.places.items():
        _, command, _ = get_command(app).resolve_command(context, [name])  # type: ignore[attr-defined]
        assert " ".join(command.help.split("\n\n")[0].split()) == place.help


def test_help_shows_the_names_of_tables() -> None:
    shown = CliRunner().invoke(app, ["keys", "create", "--help"], env={"COLUMNS": "200"}).output
    assert "as `[views.NAME]` says" in shown
    assert "of [quotas.policies]." in shown
    assert "[required]" in shown


def small_project(folder: Path) -> Path:
    """The name of its configuration file, which is not there."""
    (folder / "schema").mkdir()
    sdl = """
        extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect"])
        type Query { a: Int @connect(http: {GET: "http://a.test/"}, selection: "$") }
    """
    (folder / "schema" / "a.graphql").write_text(sdl)
    return folder / "gateway.toml"


def test_each_worker_knows_how_many_the_command_line_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, known = small_project(tmp_path), []
    file.write_text("[server]\nworkers = 5\n")
    for name in ("GATEWAY_SERVER__WORKERS", SERVE_CONFIG, SERVE_SCHEMA, SERVE_MOCK, SERVE_PARENT):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def run(_: Any, sockets: list[socket.socket], *_more: Any) -> int:
        for one in sockets:
            one.close()
        known.append(serve_module.worker().config.server.workers)
        return 0

    monkeypatch.setattr(serve_module, "_run", run)
    monkeypatch.setattr(serve_module, "log_process", lambda _: None)
    for arguments in ([], ["--workers", "3"]):
        serve = ["serve", "--config", str(file), "--port", "0", *arguments]
        assert CliRunner().invoke(app, serve).exit_code == 0
    assert known == [5, 3]


def test_a_worker_s_server_is_as_its_own_configuration_says(tmp_path: Path) -> None:
    file = small_project(tmp_path)
    settings = "[server]\ndrain_timeout_s = {}\n[subscription]\nmax_message_bytes = {}\n"
    for drain_s, size in ((2, 1_000), (25, 3_000_000)):
        file.write_text(settings.format(drain_s, size))
        config = served_config(create_app(file))
        config.load()
        assert (config.timeout_graceful_shutdown, config.ws_max_size) == (drain_s, size)


def test_help_imports_no_command() -> None:
    script = (
        "import sys; sys.argv[1:] = ['--help']; from gateway.cli import main\ntry:\n    main()\n"
    )
    script += "finally:\n    print([name for name in sys.modules if name.startswith('gateway.')])"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "Serve GraphQL over HTTP" in found.stdout
    assert "gateway.cli.lazy" in found.stdout
    assert "gateway.app" not in found.stdout.replace("gateway.application", "")


def test_schema_prints_what_clients_see() -> None:
    text = run_gateway("schema").stdout
    assert "type Video implements Node" in text
    assert "@connect" not in text
    assert "JSONSelection" not in text


def test_schema_prints_the_configurations_json_schema() -> None:
    schema = json.loads(run_gateway("schema", "--config-schema").stdout)
    assert schema["properties"]["server"]


def test_plan_prints_the_tree_and_the_source() -> None:
    text = run_gateway(
        "plan", "{ videos(first: 2) { edges { node { title channel { name } } } } }", "--source"
    ).stdout
    assert "videos(first: 2): VideoConnection!" in text
    assert "Channel.name" in text
    assert "def part_0(run):" in text


def test_plan_of_a_bad_document_says_where() -> None:
    result = run_gateway("plan", "{ nope }")
    assert result.returncode == 1
    assert "Cannot query field 'nope' on type 'Query'." in result.stderr
    assert "1:3" in result.stderr


def test_map_is_a_playground() -> None:
    result = run_gateway(
        "map", "id name: title missing", "--explain", stdin='{"id": 1, "title": "t"}'
    )
    assert json.loads(result.stdout) == {"id": 1, "name": "t"}
    assert "warning: Property .missing not found in object" in result.stderr
    assert '"t"' in result.stderr


def test_map_points_at_the_mistake() -> None:
    result = run_gateway("map", "id, name", stdin="{}")
    assert result.returncode == 1
    assert "selection:1:3:" in result.stderr
    assert "    ^" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check",), "there is no gateway.toml here"),
        (("serve", "--config", "nope.toml"), "nope.toml: the configuration file cannot be read"),
        (
            ("serve", "--schema", "nope.graphql"),
            "nope.graphql: graph.schema: there is no such schema file",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    result = run_gateway(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


class SlowBackend(BaseHTTPRequestHandler):
    """Answers when it is told to."""

    asked = threading.Event()
    may_answer = threading.Event()

    def do_GET(self) -> None:
        self.asked.set()
        self.may_answer.wait(20)
        body = b'{"n": 1}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


def test_sigterm_lets_a_request_in_flight_finish(tmp_path: Path) -> None:
    backend = ThreadingHTTPServer(("127.0.0.1", 0), SlowBackend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    (tmp_path / "s.graphql").write_text(
        'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])\n'
        f'type Query {{ n: Int @connect(http: {{ GET: "http://127.0.0.1:{backend.server_port}/n" }}, selection: "$.n") }}\n'
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [*GATEWAY, "serve", "--schema", "s.graphql", "--port", str(port)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    answers: list[bytes] = []
    try:
        for _ in range(1000):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)

        def ask() -> None:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/graphql",
                data=b'{"query": "{ n }"}',
                headers={"content-type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                answers.append(answer.read())

        asking = threading.Thread(target=ask)
        asking.start()
        assert SlowBackend.asked.wait(20)
        server.send_signal(signal.SIGTERM)
        SlowBackend.may_answer.set()
        asking.join(30)
        assert server.wait(30) is not None
    finally:
        SlowBackend.may_answer.set()
        server.kill()
        server.wait(10)
        backend.shutdown()
        backend.server_close()
    assert answers == [b'{"data":{"n":1}}']


def test_the_slow_stack_is_never_silent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    event_loop()
    assert caplog.text == ""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    event_loop()
    assert "uvloop is not installed" in caplog.text


def test_a_start_that_fails_in_workers_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = "s.graphql"\nresolvers = "ok"\n[server]\nport = 0\nworkers = 2\n'
        '[pubsub]\nkind = "unix"\ndirectory = "/proc/nope"\n[telemetry.metrics]\nenabled = false\n'
    )
    (tmp_path / "s.graphql").write_text("type Query { a: Int }")
    code = 'from gateway import resolver\n\n@resolver("Query.a", vary=())\ndef a(parent, context):\n    return 1\n'
    (tmp_path / "ok.py").write_text(code)
    result = run_gateway("serve", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("gateway: gateway.toml:9: pubsub.directory: no socket")
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_worker_that_is_killed_before_it_serves_is_told(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = "s.graphql"\nresolvers = "killed"\n[server]\nport = 0\nworkers = 2\n'
        "[telemetry.metrics]\nenabled = false\n"
    )
    (tmp_path / "s.graphql").write_text("type Query { a: Int }")
    (tmp_path / "killed.py").write_text(
        "import multiprocessing, os, signal\nfrom gateway import resolver\n\n"
        '@resolver("Query.a", vary=())\ndef a(parent, context):\n    return 1\n\n'
        "if multiprocessing.parent_process() is not None:\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = run_gateway("serve", cwd=tmp_path)
    assert result.returncode == 2
    said = r"gateway: worker \d+ was ended by signal 9 before it served\n"
    assert re.fullmatch(said, result.stderr)


def test_map_without_its_data_is_one_line(tmp_path: Path) -> None:
    result = run_gateway("map", "a", "--data", "nope.json", cwd=tmp_path)
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (2, 1)


def test_a_port_in_use_is_said_before_any_url(tmp_path: Path) -> None:
    (tmp_path / "s.graphql").write_text("type Query { a: Int }")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run_gateway("serve", "-s", "s.graphql", "--mock", "--port", port, cwd=tmp_path)
    assert result.returncode == 2
    assert f"port {port} of 127.0.0.1 is in use" in result.stderr
    assert "http://" not in result.stderr
