"""What may be set for connectors and for the headers that they forward. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSettings:
    """`[connectors]`: how connectors build their requests.

    Attributes:
        config: What `$config` reads, as it stands.
        max_url_bytes: A batch whose URL would be longer is split. 8 KB is what nginx and Apache take.
        max_requests_per_operation_per_source: More end with REQUEST_LIMIT_EXCEEDED and partial data.
    """

    config: dict[str, Any] = field(default_factory=dict)
    max_url_bytes: int = 8_000
    max_requests_per_operation_per_source: int = 1_000
