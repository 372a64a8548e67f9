"""Refuses mutations while a deployment is in maintenance."""

from __future__ import annotations

from dataclasses import dataclass

from gateway import ClientError, on_operation, on_response


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`[plugins.maintenance]`: what is refused, and for how long.

    Attributes:
        read_only: Refuse mutations.
        retry_after_s: What clients are told to wait, seconds.
    """

    read_only: bool = False
    retry_after_s: int = 60


@on_operation(vary=())
def refuse_mutations(operation, request):
    settings = request.state["maintenance"]
    if settings.read_only and operation.type == "mutation":
        raise ClientError(
            "Nothing can be changed now: maintenance.",
            code="READ_ONLY",
            http_status=503,
            retry_after_s=settings.retry_after_s,
        )


@on_response(vary=())
def tell(response, request):
    if request.state["maintenance"].read_only:
        response.headers["x-read-only"] = "true"
        response.extensions["readOnly"] = True
