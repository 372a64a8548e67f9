"""What is used of uvicorn beside its public API: this fails when an upgrade changes it, before a server does."""

from __future__ import annotations

import inspect
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from gateway.transport.server.protocols import HttpProtocol, WebSocketProtocol


async def app(_scope: Any, _receive: Any, _send: Any) -> None: ...


def test_a_protocol_is_made_with_these_arguments() -> None:
    made = inspect.getsource(Server.startup)
    for argument in (
        "config=config",
        "server_state=self.server_state",
        "app_state=self.lifespan.state",
    ):
        assert argument in made
    ours = inspect.signature(HttpProtocol.__init__).parameters
    theirs = inspect.signature(WebSocketsSansIOProtocol.__init__).parameters
    assert list(ours) == list(theirs)


def test_the_servers_state_is_what_our_protocol_keeps() -> None:
    state = ServerState()
    assert state.connections == set()
    assert state.tasks == set()
    assert state.total_requests == 0
    assert state.default_headers == []
    assert "connection.shutdown()" in inspect.getsource(Server.shutdown)


def test_the_server_makes_its_headers_anew_as_a_list() -> None:
    """`Connections.server_lines` knows by the list whether they have changed."""
    assert "self.server_state.default_headers = " in inspect.getsource(Server.on_tick)


async def test_a_web_socket_has_these_attributes() -> None:
    config = Config(app, ws=WebSocketProtocol)
    config.load()
    made = WebSocketsSansIOProtocol(config, ServerState(), {})
    for name in ("config", "app_state", "transport", "handshake_complete", "close_sent"):
        assert hasattr(made, name)
    assert config.ws_protocol_class is WebSocketProtocol
