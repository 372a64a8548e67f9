"""Which view of the schema a client has: what its key says, else its application, else what it came with."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.auth.settings import ClientSettings, DefaultViewSettings
from gateway.client.request import ClientRequest


class ViewChoice:
    """Chooses views by who a client has proved to be. The name that a client gives itself decides nothing.

    Args:
        clients: As configured, by the client's name.
        defaults: For clients of which nothing else says it, by the kind of principal.
    """

    def __init__(
        self, clients: Mapping[str, ClientSettings], defaults: DefaultViewSettings
    ) -> None:
        self._clients: dict[str | None, str] = {
            name: one.view for name, one in clients.items() if one.view is not None
        }
        self._defaults = {
            "anonymous": defaults.anonymous,
            "user": defaults.user,
            "client": defaults.client,
        }

    def of(self, client: ClientRequest) -> str | None:
        """The name of a client's view; None for the whole schema."""
        principal = client.principal
        if principal.view is not None:
            return principal.view
        return self._clients.get(principal.client) or self._defaults[principal.kind]

    def of_key(self, client: str, view: str | None = None) -> str | None:
        """The name of the view of whoever shows a client's API key, alone."""
        return view or self._clients.get(client) or self._defaults["client"]
