"""What one request carries: the `context` that resolvers and loaders get.

It constructs nothing that costs: `http` and `loaders` are made when first asked for. It must not know the
plan, the client's transport, or which executor runs.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiodataloader import DataLoader

from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest, SeenFlags
from gateway.client.vary import Vary, View
from gateway.response_headers import ResponseState
from gateway.upstream.caller import CallStats

if TYPE_CHECKING:
    import httpx

    from gateway.broker.port import Broker
    from gateway.upstream.client import Upstream


class Loaders:
    """The dataloaders of one request, one for each batch function that a resolver names.

    `context.loaders.of(load_users).load(user_id)`: every caller of the request that names the same
    function shares one `aiodataloader.DataLoader`, with its cache.
    """

    __slots__ = ("_loaders",)

    def __init__(self) -> None:
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    def of(
        self, batch_load: Callable[[list[Any]], Coroutine[Any, Any, list[Any]]], **options: Any
    ) -> DataLoader[Any, Any]:
        """The loader of `batch_load` in this request; `options` as DataLoader's, on first use."""
        return self.under(batch_load, lambda: DataLoader(batch_load, **options))

    def under(
        self, key: Hashable, make: Callable[[], DataLoader[Any, Any]]
    ) -> DataLoader[Any, Any]:
        """The loader under a key in this request, made when it is first asked for."""
        loader = self._loaders.get(key)
        if loader is None:
            loader = self._loaders[key] = make()
        return loader


class Context:
    """The per-request state that is handed to every resolver.

    Attributes:
        headers: The client's request headers by lower-case name; repeated ones joined by ", ", cookies by "; ".
        client: What the request says of its client.
        deadline: When the answer has to be there, on the event loop's clock, seconds.
        upstream: The backends.
        config: `[connectors.config]`, what `$config` reads.
        source_urls: Base URL of each source by name.
        state: What `@on_startup` functions returned for this worker, then what `@context_factory`
            functions gave for this request, by name.
        memo: Reads of this operation that are under way or done, by request; kept by `connectors`.
        stats: Upstream calls of this request.
        connection_params: What the client sent when it opened its WebSocket; empty elsewhere.
    """

    __slots__ = (
        "__weakref__",
        "_broker",
        "_clients",
        "_header_values",
        "_http",
        "_loaders",
        "client",
        "config",
        "connection_params",
        "deadline",
        "headers",
        "memo",
        "source_urls",
        "state",
        "stats",
        "upstream",
    )

    def __init__(
        self,
        client: ClientRequest,
        deadline: float,
        upstream: Upstream,
        config: Mapping[str, Any],
        source_urls: Mapping[str, str],
        state: dict[str, Any],
        broker: Broker | None = None,
    ) -> None:
        self.client = client
        self.headers = client.headers
        self.deadline = deadline
        self.upstream = upstream
        self.config = config
        self.source_urls = source_urls
        self.state = state
        self.memo: dict[Hashable, Any] = {}
        self.stats = CallStats()
        self.connection_params = client.connection_params or {}
        self._broker = broker
        self._header_values: dict[str, list[str]] | None = None
        self._http: httpx.AsyncClient | None = None
        self._loaders: Loaders | None = None
        self._clients: dict[Vary, httpx.AsyncClient] | None = None

    @property
    def whole(self) -> Context:
        """The request's own, of which a function may see less."""
        return self

    @property
    def request_id(self) -> str:
        """As in the log."""
        return self.client.request_id

    def log_members(self) -> dict[str, Any]:
        """What a line of the log says of the request."""
        trace = self.stats.trace
        is_traced = trace is not None and bool(trace.propagation)
        return {
            "request_id": self.client.request_id,
            "trace_id": trace.trace_hex if trace is not None and is_traced else None,
        }

    @property
    def client_name(self) -> str | None:
        """As the client says; None when it does not."""
        return self.client.client_name

    @property
    def client_version(self) -> str | None:
        """As the client says; None when it does not."""
        return self.client.client_version

    @property
    def principal(self) -> Principal:
        """Who the client has shown to be."""
        return self.client.principal

    @property
    def overrides(self) -> Mapping[str, bool]:
        """Whether each label of `@override` is on that was decided for the request: for the fallback path."""
        return self.client.overrides or {}

    @property
    def flags(self) -> Mapping[str, Any]:
        """The values of the flags that a function declares: `vary="$flags.new"`, `context.flags["new"]`."""
        return SeenFlags(self.client.flags or {}, self.stats.expose)

    def track(self, goal: str, value: float | None = None, **attributes: Any) -> None:
        """Note that the client has done what an experiment is for: `context.track("purchase", 12.5)`."""
        if self.stats.tracked is None:
            self.stats.tracked = []
        if value is not None and not isinstance(value, int):
            value = float(value)  # of a Decimal, as prices are
        self.stats.tracked.append((goal, value, attributes))

    @property
    def raw_headers(self) -> Mapping[str, Sequence[str]]:
        """The headers, each as the list of its values. Nobody changes them."""
        return self.client.values

    @property
    def response(self) -> ResponseState:
        """What the client is told beside the answer: `context.response.headers["x-name"] = value`."""
        stats = self.stats
        if stats.response is None:
            stats.response = ResponseState()
        return stats.response

    def restricted(self, vary: Vary) -> Context:
        """The same state for a function that declares what it reads: of the client it sees no more."""
        return RestrictedContext(self, vary)

    def seeing(self, view: View) -> Context:
        """The same request's state, that sees no more of the client."""
        client = self.client.seeing(view)
        client.connection_params = self.connection_params
        context = Context(
            client,
            deadline=self.deadline,
            upstream=self.upstream,
            config=self.config,
            source_urls=self.source_urls,
            state=self.state,
            broker=self._broker,
        )
        context.stats = self.stats
        return context

    @property
    def header_values(self) -> dict[str, list[str]]:
        """The client's request headers by lower-case name, each as the list of its values."""
        if self._header_values is None:
            self._header_values = {name: list(values) for name, values in self.raw_headers.items()}
        return self._header_values

    @property
    def http(self) -> httpx.AsyncClient:
        """An httpx client over the gateway's own pool: it has this request's deadline and trace."""
        if self._http is None:
            self._http = self.upstream.http_client(self)
        return self._http

    def http_of(self, vary: Vary) -> httpx.AsyncClient:
        """As `http`, for functions that read the same of the client: their calls carry no more of it than they see."""
        if self._clients is None:
            self._clients = {}
        client = self._clients.get(vary)
        if client is None:
            client = self._clients[vary] = self.upstream.http_client(self.restricted(vary))
        return client

    @property
    def pubsub(self) -> Broker:
        """The topics: `await context.pubsub.publish(topic, payload)`, `context.pubsub.subscribe(topic)`."""
        if self._broker is None:
            raise RuntimeError("this context was made without a broker")
        return self._broker

    @property
    def loaders(self) -> Loaders:
        """This request's dataloaders."""
        if self._loaders is None:
            self._loaders = Loaders()
        return self._loaders

    def source_url(self, name: str) -> str:
        """The base URL of the source `name`, without a slash at its end. Errors: KeyError."""
        return self.source_urls[name].rstrip("/")


class RestrictedContext(Context):
    """What one function sees of a request. All but the client's headers is the request's own.

    Args:
        whole: The request's, or of the execution that is shared.
        vary: What the function reads of the client.
    """

    __slots__ = ("_vary", "_whole")

    def __init__(self, whole: Context, vary: Vary) -> None:
        # No other attribute is set: what is not there is looked up when it is read.
        self._whole = whole
        self._vary = vary

    def __getattr__(self, name: str) -> Any:
        if name not in Context.__slots__ or name.startswith("__"):
            raise AttributeError(f"the context has no attribute {name!r}")
        if name in _OF_THE_CLIENT:
            whole = self._whole.client
            self.client = whole.seeing(self._vary.view(whole))
            self.headers = self.client.headers
            self._header_values = None
            return getattr(self, name)
        return getattr(self._whole, name)

    @property
    def whole(self) -> Context:
        """The request's own."""
        return self._whole

    def restricted(self, vary: Vary) -> Context:
        """As the request's own: a directive hands its context on to what it is around."""
        return self._whole.restricted(vary)

    def seeing(self, view: View) -> Context:
        """As the request's own."""
        return self._whole.seeing(view)

    @property
    def http(self) -> httpx.AsyncClient:
        """As the request's own, for functions that see as much."""
        return self._whole.http_of(self._vary)

    @property
    def loaders(self) -> Loaders:
        """The request's dataloaders: one for all its functions."""
        return self._whole.loaders


_OF_THE_CLIENT = frozenset({"client", "headers", "_header_values"})
