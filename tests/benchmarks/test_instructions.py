"""How instructions of a request are counted: what is read of callgrind, and which answers do not count."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from benchmarks.__main__ import main
from benchmarks.instructions import NotCountedError, one_connection, total
from benchmarks.load.contestants import Contestant
from benchmarks.load.process import Server
from benchmarks.load.scenarios import SCENARIOS

CONSTANT = SCENARIOS["constant"]


class Peer(BaseHTTPRequestHandler):
    """Keeps what it was sent; answers with `status`."""

    protocol_version = "HTTP/1.1"
    status = 200
    bodies: list[bytes] = []  # noqa: RUF012 - of the one test that runs

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(self.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def peer() -> Iterator[Server]:
    Peer.bodies, Peer.status = [], 200
    server = HTTPServer(("127.0.0.1", 0), Peer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Server(Contestant("peer", "hand", []), 0, server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_total_is_read_from_callgrinds_dump() -> None:
    assert total("events: Ir\n1 2\ntotals: 24620011\n") == 24_620_011
    with pytest.raises(NotCountedError, match="no total"):
        total("")


def test_each_request_of_the_one_connection_has_a_body_of_its_own(peer: Server) -> None:
    with one_connection(peer, CONSTANT) as ask:
        for _ in range(3):
            ask()
    assert len(set(Peer.bodies)) == 3


def test_an_answer_that_is_no_answer_does_not_count(peer: Server) -> None:
    Peer.status = 503
    with one_connection(peer, CONSTANT) as ask, pytest.raises(NotCountedError, match="status 503"):
        ask()


def test_an_unknown_scenario_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("sys.argv", ["benchmarks", "count", "no-such"])
    monkeypatch.setattr("benchmarks.commands.check_needed", lambda *_, **__: None)
    assert main() == 2
    assert "no scenario no-such; there are posts-and-users" in capsys.readouterr().err
