"""A call of a source as hooks see it. What they set of its headers is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any

from gateway.hooks.seen import SeenRequest
from gateway.settings.headers import check_name, check_value
from gateway.upstream.transport import Header, UpstreamRequest, UpstreamResponse


class OutgoingHeaders(MutableMapping[str, str]):
    """The headers of a call: names in any case; the values of repeated ones joined.

    Errors: ValueError for a header that no request can have, or that belongs to the connection.
    """

    __slots__ = ("_request",)

    def __init__(self, request: UpstreamRequest) -> None:
        self._request = request

    def __getitem__(self, name: str) -> str:
        values = [value for known, value in self._all() if known.lower() == name.lower()]
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __setitem__(self, name: str, value: str) -> None:
        check_name(name)
        check_value(value)
        self._drop(name)
        self._request.headers = [*self._request.headers, (name.lower(), value)]

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._drop(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(n.lower() == name.lower() for n, _ in self._all())

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name, _ in self._all()))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _all(self) -> list[Header]:
        return [*self._request.headers, *self._request.added]

    def _drop(self, name: str) -> None:
        request, lower = self._request, name.lower()
        request.headers = [each for each in request.headers if each[0].lower() != lower]
        request.added = [each for each in request.added if each[0].lower() != lower]


class SourceRequest:
    """A call of a source.

    Args:
        request: What is sent.
        state: What `@on_startup` functions have made, and the settings of plugins.
        client: The client's request, of which a hook sees what it declares; None for a hook of attempts.

    Attributes:
        headers: Of the call; what is set is sent.
        client: The client's request; None for a hook of attempts.
        state: What `@on_startup` functions have made, and the settings of plugins.
    """

    __slots__ = ("_request", "client", "headers", "state")

    def __init__(
        self,
        request: UpstreamRequest,
        state: Mapping[str, Any],
        client: SeenRequest | None = None,
    ) -> None:
        self._request = request
        self.headers = OutgoingHeaders(request)
        self.client = client
        self.state = state

    @property
    def source(self) -> str:
        """The source's name; "" for a call outside any source."""
        return self._request.source

    @property
    def endpoint(self) -> str:
        """The URL's template."""
        return self._request.endpoint

    @property
    def method(self) -> str:
        """In upper case."""
        return self._request.method

    @property
    def url(self) -> str:
        """As it is sent. A batch that others may join is not known before it is."""
        return self._request.url

    @property
    def body(self) -> bytes | AsyncIterator[bytes] | None:
        """As it is sent."""
        return self._request.body


Send = Callable[[SourceRequest], Awaitable[UpstreamResponse]]
"""Sends a call on its way, and gives the answer's head."""
