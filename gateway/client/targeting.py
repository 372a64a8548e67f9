"""By what a client is told from others where it is drawn: for labels of `@override`, for flags, and in experiments.

It must decide nothing.
"""

from __future__ import annotations

from typing import Annotated

from gateway.auth.cookies import find_cookie
from gateway.client.request import ClientRequest
from gateway.settings.kinds import TextForm

AnonymousId = Annotated[
    str,
    TextForm(
        r"(?:(?:cookie|header):[!#$%&'*+.^_`|~0-9A-Za-z-]+)?",
        '"cookie:NAME", "header:NAME" or ""',
    ),
]

ANONYMOUS = "anonymous:"
"""Before the ids in experiments that clients chose themselves."""


class TargetingKeys:
    """By what a client is drawn.

    Args:
        anonymous_id: "cookie:NAME", "header:NAME" or "".
    """

    def __init__(self, anonymous_id: str) -> None:
        self._kind, _, name = anonymous_id.partition(":")
        self._name = name.lower() if self._kind == "header" else name

    def of(self, client: ClientRequest) -> str:
        """The principal's id, else the anonymous id, else the address, else a draw of its own for the request."""
        known = _principal(client) or self._anonymous(client)
        return known or client.client_key or client.request_id

    def unit_of(self, client: ClientRequest) -> str | None:
        """Who it is, whatever it comes from: the principal's id, else the anonymous id; None where neither is known.

        A client chooses its anonymous id, and is nobody's principal by it.
        """
        known = _principal(client)
        if known is not None:
            return known
        anonymous = self._anonymous(client)
        return None if anonymous is None else f"{ANONYMOUS}{anonymous}"

    def _anonymous(self, client: ClientRequest) -> str | None:
        if self._kind == "header":
            return client.headers.get(self._name) or None
        if not self._kind:
            return None
        return find_cookie(client.headers.get("cookie", ""), self._name) or None


def _principal(client: ClientRequest) -> str | None:
    """The id of whoever has shown who it is."""
    principal = client.principal
    return principal.id if principal.is_authenticated and principal.id else None
