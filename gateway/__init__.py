"""A GraphQL gateway that compiles each operation.

This module is the façade: what resolver authors and embedding applications import. `create_app` is
imported on first use, so that a resolver module does not load a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.auth.principal import Principal
from gateway.context import Context
from gateway.errors import ClientError, ConfigError, UpstreamError
from gateway.graph.hook_marks import (
    on_operation,
    on_request,
    on_response,
    on_upstream,
    principal,
)
from gateway.graph.register import (
    batch_resolver,
    context_factory,
    entity_resolver,
    on_shutdown,
    on_startup,
    override_label,
    policy_resolver,
    resolver,
    scalar,
    schema_directive,
    subscription,
    type_resolver,
)
from gateway.graph.uploads import Upload
from gateway.hooks.answers import OperationResponse, Response
from gateway.hooks.seen import SeenOperation, SeenRequest
from gateway.upstream.source_request import Send, SourceRequest
from gateway.upstream.transport import UpstreamResponse

if TYPE_CHECKING:
    from gateway.app.gateway import create_app

__all__ = [
    "ClientError",
    "ConfigError",
    "Context",
    "OperationResponse",
    "Principal",
    "Response",
    "SeenOperation",
    "SeenRequest",
    "Send",
    "SourceRequest",
    "Upload",
    "UpstreamError",
    "UpstreamResponse",
    "batch_resolver",
    "context_factory",
    "create_app",
    "entity_resolver",
    "on_operation",
    "on_request",
    "on_response",
    "on_shutdown",
    "on_startup",
    "on_upstream",
    "override_label",
    "policy_resolver",
    "principal",
    "resolver",
    "scalar",
    "schema_directive",
    "subscription",
    "type_resolver",
]


def __getattr__(name: str) -> Any:
    if name == "create_app":
        from gateway.app.gateway import create_app

        return create_app
    raise AttributeError(f"module 'gateway' has no attribute {name!r}")
