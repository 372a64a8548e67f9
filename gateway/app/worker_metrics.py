"""What a worker tells of itself in metrics, and the port where they are read.

What is counted is asked for when somebody reads it: nothing here runs for a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from gateway.auth.authenticator import Authenticator
from gateway.connectors.fallback_loader import override_fallback_samples
from gateway.connectors.response.decoding import decode_fallback_samples
from gateway.connectors.response.outcome import unexpected_samples
from gateway.execute.operation import fallback_samples
from gateway.observe.measures import Measures
from gateway.telemetry.catalogue import ADDRESSES_REFUSED, AUTH_KEYS_AGE
from gateway.telemetry.metrics import Sample
from gateway.telemetry.server import MetricsServer
from gateway.telemetry.settings import MetricsSettings
from gateway.transport.server.certificates import Certificates

if TYPE_CHECKING:
    from gateway.app.worker import Worker


class WorkerMetrics:
    """The metrics of one worker.

    Args:
        worker: Whose they are.
        auth: Finds who its clients are.
        certificates: What TLS is served with; None without TLS.

    Attributes:
        server: The port; None where it is not open.
    """

    def __init__(
        self, worker: Worker, auth: Authenticator, certificates: Certificates | None
    ) -> None:
        self._worker = worker
        self._auth = auth
        self._certificates = certificates
        self.server: MetricsServer | None = None

    def begin(self, measures: Measures, stack: AsyncExitStack) -> None:
        """Tell all of it to who measures, until the stack is closed."""
        worker = self._worker
        for samples in (
            worker.routes.samples,
            worker.connections.samples,
            worker.admission.samples,
            self.samples_of_serving,
            self.samples_of_auth,
            self.samples_of_quotas,
            fallback_samples,
            decode_fallback_samples,
            unexpected_samples,
            override_fallback_samples,
        ):
            measures.registry.add(samples)
        if self._certificates is not None:
            measures.registry.add(self._certificates.samples)
        measures.lag.begin_sampling()
        stack.callback(measures.lag.stop)

    async def listen(
        self,
        settings: MetricsSettings,
        measures: Measures,
        directory: str | None,
        stack: AsyncExitStack,
    ) -> None:
        """Open the port, until the stack is closed.

        Args:
            settings: Where it is.
            measures: What is read there.
            directory: Where the workers of this server meet, when it has several.
            stack: Closes it.
        """
        self.server = MetricsServer(settings, measures.registry, directory)
        await self.server.listen()
        stack.push_async_callback(self.server.aclose)

    def samples_of_serving(self) -> Iterator[Sample]:
        """What the sources, the flags and the schemas have counted that are served."""
        worker = self._worker
        yield from worker.upstream.samples()
        known = set(worker.upstream.names)
        for policy in worker.current.policies_of_canary:
            if policy.name and policy.name not in known:
                yield from policy.samples()
        yield from worker.flags.samples()
        if worker.experiments is not None:
            yield from worker.experiments.samples()
        for serving in worker.current.all():
            yield from serving.samples()

    def samples_of_quotas(self) -> Iterator[Sample]:
        """What was refused for its number."""
        worker = self._worker
        if worker.gate is not None:
            yield ADDRESSES_REFUSED, (), worker.gate.refused
        if worker.quotas is not None:
            yield from worker.quotas.samples()

    def samples_of_auth(self) -> Iterator[Sample]:
        """Who was refused, and how old the keys are."""
        if self._auth.is_used:
            yield from self._worker.refusals.samples()
        for store, age_s in self._auth.ages():
            yield AUTH_KEYS_AGE, (store,), age_s
