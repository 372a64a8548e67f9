"""The gate before authentication: how often one address may ask at all."""

from __future__ import annotations

import math

from gateway.errors import ClientError
from gateway.quotas.local import LocalWindows
from gateway.quotas.settings import QuotaSettings, WindowSettings
from gateway.quotas.windows import window_of


class AddressLimiter:
    """Counts the requests of each address in one worker.

    Args:
        settings: `[quotas]`.
        requests: What one address may ask.
        workers: How many share it.

    Attributes:
        refused: How many requests were refused.
    """

    def __init__(self, settings: QuotaSettings, requests: int, workers: int) -> None:
        asked = WindowSettings(requests=requests, seconds=settings.address.seconds)
        self._windows = (window_of(asked, 1 / workers),)
        self._store = LocalWindows(settings.max_clients)
        self.refused = 0

    def check(self, client_key: str) -> None:
        """Count one request. Errors: ClientError(RATE_LIMIT_EXCEEDED)."""
        verdict = self._store.take(client_key, self._windows, 1, 0)
        if not verdict.is_admitted:
            self.refused += 1
            raise ClientError(
                "Too many requests from one address: quotas.address.",
                code="RATE_LIMIT_EXCEEDED",
                retry_after_s=math.ceil(verdict.tightest.wait_s),
            )


def make_gate(settings: QuotaSettings, workers: int) -> AddressLimiter | None:
    """The gate of one worker; None where there is none."""
    requests = settings.address.requests
    return AddressLimiter(settings, requests, workers) if requests is not None else None
