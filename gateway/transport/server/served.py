"""What the server's protocols ask of the application that they serve. It is the gateway, whatever stands around it."""

from __future__ import annotations

from typing import Any, Protocol

from gateway.transport.http.handler import Handler
from gateway.transport.server.certificates import Certificates
from gateway.transport.server.connections import Connections


class ServedApp(Protocol):
    """A gateway."""

    @property
    def handler(self) -> Handler:
        """Answers the requests that begin now."""
        ...

    @property
    def certificates(self) -> Certificates | None:
        """The listener's; None where TLS ends before it."""
        ...

    @property
    def connections(self) -> Connections:
        """The worker's registry."""
        ...


def served_app(config: Any) -> ServedApp:
    """The gateway below the middleware that uvicorn may have put around it."""
    app = config.loaded_app
    while not hasattr(app, "connections"):
        app = app.app
    found: ServedApp = app
    return found
