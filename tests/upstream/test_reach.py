"""`gateway check --reach`: a connection to each source, with its TLS, and nothing sent over it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.cli.command import run_gateway

SDL = """extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "api", http: {{ baseURL: "{url}" }})
type Query {{ n: Int @connect(source: "api", http: {{ GET: "/" }}, selection: "$.n") }}
"""


@contextmanager
def listening(tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A listener's port, and what each connection has sent, until it was closed."""
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                try:
                    with tls.wrap_socket(plain, server_side=True) if tls else plain as client:
                        sent.append(client.recv(100))
                except OSError:
                    plain.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], sent
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def check(folder: Path, url: str, toml: str = "") -> tuple[int, str]:
    (folder / "s.graphql").write_text(SDL.format(url=url))
    (folder / "gateway.toml").write_text(f'[graph]\nschema = "s.graphql"\n{toml}')
    found = run_gateway("check", "--reach", cwd=folder)
    return found.returncode, found.stdout


def test_a_source_that_listens_is_reached_and_sent_nothing(tmp_path: Path) -> None:
    with listening() as (port, sent):
        assert check(tmp_path, f"http://127.0.0.1:{port}/v1") == (0, "")
    assert sent == [b""]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:{closed}", "127.0.0.1:{closed} cannot be reached: "),
        ("http://no-such-host.invalid", "no-such-host.invalid:80 cannot be reached: "),
    ],
    ids=["closed", "no such name"],
)
def test_one_that_cannot_be_reached_is_an_error(url: str, words: str, tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        closed = bound.getsockname()[1]
        code, said = check(tmp_path, url.format(closed=closed))
    assert code == 1
    assert f"error: the source api: {words.format(closed=closed)}" in said
    assert "[SourceUnreachable]" in said


def test_one_that_is_silent_is_waited_for_as_long_as_a_call(tmp_path: Path) -> None:
    """TLS of a listener that never answers: `connect_timeout_s` ends it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        toml = "[sources.api]\nconnect_timeout_s = 0.2\n"
        code, said = check(tmp_path, f"https://127.0.0.1:{port}", toml)
    assert code == 1
    assert f"127.0.0.1:{port} does not answer within 0.2 s" in said


@pytest.mark.parametrize("is_trusted", [True, False])
def test_its_certificate_counts(is_trusted: bool, tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    toml = f'[sources.api]\ntls_ca_file = "{tmp_path / "ca.pem"}"\n' if is_trusted else ""
    with listening(context) as (port, _):
        code, said = check(tmp_path, f"https://127.0.0.1:{port}", toml)
    assert code == (0 if is_trusted else 1)
    assert ("its TLS is not accepted" in said) is not is_trusted
