"""What requests that begin now are answered by: one revision of the schema, and beside it another for some clients.

What has begun ends by what it began with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from gateway.client.request import ClientRequest
from gateway.pipeline.serving import Serving
from gateway.upstream.client import Upstream
from gateway.upstream.policy.policy import Policy

if TYPE_CHECKING:
    from gateway.app.reload.canary import Canary


class CurrentRevisions:
    """The revisions that a worker serves now.

    Args:
        upstream: Gives the sources of the one that most clients have.
        know_views: Told the names of the views that there are, whenever they may be others.
    """

    def __init__(
        self, upstream: Callable[[], Upstream], know_views: Callable[[Collection[str]], None]
    ) -> None:
        self._upstream = upstream
        self._know_views = know_views
        self._serving: Serving  # from `serve` on
        self._canary: Canary | None = None

    def serving(self, client: ClientRequest | None = None, /) -> Serving:
        """What a request that begins now is answered by: a client's own, where another schema is tried by some."""
        canary = self._canary
        return self._serving if canary is None or client is None else canary.revision_of(client)

    def all(self) -> Sequence[Serving]:
        """All that requests that begin now are answered by."""
        served, canary = self._serving, self._canary
        return (served,) if canary is None else (served, canary.after)

    @property
    def canary(self) -> Canary | None:
        """What is served to some of the clients beside it, and to whom; None where all have the same."""
        return self._canary

    @canary.setter
    def canary(self, canary: Canary | None) -> None:
        self._canary = canary
        self._tell_views()

    @property
    def policies_of_canary(self) -> list[Policy]:
        """The policies of the sources that a canary has for itself."""
        if self._canary is None:
            return []
        shared = {id(policy) for policy in self._upstream().policies}
        return [one for one in self._canary.after.upstream.policies if id(one) not in shared]

    @property
    def source_names(self) -> Collection[str]:
        """The names of all sources that requests may call now."""
        return {*self._upstream().names, *(one.name for one in self.policies_of_canary if one.name)}

    def serve(self, serving: Serving) -> None:
        """Answer what begins from now on by this."""
        self._serving = serving
        self._tell_views()

    def _tell_views(self) -> None:
        self._know_views(set[str]().union(*(one.views for one in self.all())))
