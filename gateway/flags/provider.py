"""The port to flags, over OpenFeature's SDK: whatever hooks and contexts the user has set there count.

It is imported where flags are configured only: the SDK is installed by choice.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.provider import AbstractProvider, FeatureProvider
from openfeature.provider.no_op_provider import NoOpProvider
from openfeature.track import TrackingEventDetails

from gateway.auth.watched import FilePlace, PlaceError, Watched
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.errors import ConfigError
from gateway.flags.asked import FlagContext
from gateway.flags.flagd import FlagdProvider, FlagSet, read_flags
from gateway.flags.port import FlagAnswer
from gateway.flags.said_once import deciding, said_once_at
from gateway.flags.threads import ProviderThreads

logger = logging.getLogger("gateway.flags")
RETRY_S = 5.0
OPEN_WITHIN_S = 5.0
MOST_CALLS = 8
"""Of a provider that is called in threads, at a time."""
DOMAIN = "gateway"
_numbers = itertools.count(1)
"""A process has one registry of providers; each worker has its own domain in it."""
KINDS = {bool: "boolean", int: "integer", float: "float", str: "string"}


class OpenFeaturePort:
    """Asks one provider.

    Args:
        provider: Which.
        in_threads: Whether it is called in threads.

    Attributes:
        domain: Where it is registered.
        changes: As `FlagPort.changes`.
    """

    changes = 0

    def __init__(self, provider: FeatureProvider, *, in_threads: bool = False) -> None:
        number = next(_numbers)
        self.domain = DOMAIN if number == 1 else f"{DOMAIN}-{number}"
        self._provider = provider
        self._in_threads = in_threads
        self._is_async = any(
            getattr(type(provider), name) is not getattr(AbstractProvider, name)
            for name in (f"resolve_{kind}_details_async" for kind in (*KINDS.values(), "object"))
        )
        self.client: OpenFeatureClient = api.get_client(self.domain)
        self._opening: asyncio.Task[None] | None = None
        self._threads = ProviderThreads(MOST_CALLS)
        said_once_at("openfeature", is_whole=True)

    def ask(self, name: str, default: Any, context: FlagContext) -> AwaitableOrValue[FlagAnswer]:
        """As `FlagPort.ask`."""
        kind = KINDS.get(type(default), "object")
        asked = EvaluationContext(context.key, context.attributes)
        if self._in_threads:
            return self._in_thread(kind, name, default, asked)
        if self._is_async:
            return self._awaited(kind, name, default, asked)
        with deciding(name):
            return _answer(getattr(self.client, f"get_{kind}_details")(name, default, asked))

    async def _in_thread(
        self, kind: str, name: str, default: Any, asked: EvaluationContext
    ) -> FlagAnswer:
        decide = getattr(self.client, f"get_{kind}_details")
        with deciding(name):
            return _answer(await self._threads.call(decide, name, default, asked))

    async def _awaited(
        self, kind: str, name: str, default: Any, asked: EvaluationContext
    ) -> FlagAnswer:
        decide = getattr(self.client, f"get_{kind}_details_async")
        with deciding(name):
            return _answer(await decide(name, default, asked))

    def holds(self, name: str) -> bool:  # noqa: ARG002 - the port's
        """As `FlagPort.holds`: another's provider may decide otherwise each time."""
        return False

    def track(
        self, event: str, context: FlagContext, value: float | None, attributes: Mapping[str, Any]
    ) -> None:
        """As `FlagPort.track`."""
        asked = EvaluationContext(context.key, context.attributes)
        self.client.track(event, asked, TrackingEventDetails(value, dict(attributes)))

    async def open(self) -> None:
        """As `FlagPort.open`."""
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                await self._open()
        except Exception as exc:
            logger.error(  # noqa: TRY400 - what went wrong is the provider's to know
                "the provider of flags is away, and flags have their defaults: %s: %s",
                type(exc).__name__,
                exc,
            )
            self._opening = asyncio.create_task(self._open_later())

    async def _open(self) -> None:
        await self._threads.call(api.set_provider_and_wait, self._provider, self.domain)

    async def _open_later(self) -> None:
        while True:
            await asyncio.sleep(RETRY_S)
            try:
                await self._open()
            except Exception:  # noqa: S112 - it was told when it began
                continue
            logger.info("the provider of flags is there")
            return

    async def aclose(self) -> None:
        """As `FlagPort.aclose`."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        self._threads.close()
        api.set_provider_and_wait(NoOpProvider(), self.domain)


class FlagdFilePort(OpenFeaturePort):
    """Decides by a file in flagd's format.

    Args:
        path: The file, in use from the beginning.

    Errors: ConfigError for a file of no use.
    """

    def __init__(self, path: Path) -> None:
        self.provider = FlagdProvider()
        super().__init__(self.provider)
        self._context = api.get_evaluation_context()
        place = FilePlace(path)
        what = f"the file of flags {path}"
        self._watched: Watched[FlagSet] = Watched(
            place, read_flags, self.provider.use, what, logger="gateway.flags"
        )
        try:
            self._watched.take(place.version_now())
        except (PlaceError, ValueError) as exc:
            raise ConfigError(str(exc), key="flags.file", file=str(path)) from exc

    @property
    def changes(self) -> int:  # type: ignore[override]
        """As `FlagPort.changes`."""
        return self.provider.changes

    def holds(self, name: str) -> bool:
        """As `FlagPort.holds`: where nothing but the file and the context decides."""
        return (
            name not in self.provider.flags.by_time
            and not api.get_hooks()
            and not self.client.hooks
            and api.get_evaluation_context() is self._context
            and not api.get_transaction_context().attributes
        )

    async def look(self) -> None:
        """Look at the file at once."""
        await self._watched.look()

    async def open(self) -> None:
        """As `FlagPort.open`."""
        await super().open()
        self._watched.watch()

    async def aclose(self) -> None:
        """As `FlagPort.aclose`."""
        await self._watched.stop()
        await super().aclose()


def _answer(details: FlagEvaluationDetails[Any]) -> FlagAnswer:
    error = details.error_code.value if details.error_code is not None else None
    detail, reason = details.error_message or "", str(details.reason or "UNKNOWN")
    return FlagAnswer(details.value, details.variant, reason, error, detail)
