"""Which media type a GraphQL answer gets: the rules of GraphQL over HTTP, without any I/O.

Source: GraphQL over HTTP, sections "Media Types" and "Responses".
"""

from __future__ import annotations

from functools import lru_cache

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"


@lru_cache(256)
def response_type(accept: str | None) -> str | None:
    """The answer's media type; None when none that the client accepts can be given.

    Without a header, and for `*/*`, it is `application/json`, which old clients expect. Of two equally
    wanted types the more specific range decides, then `application/graphql-response+json`.
    """
    if accept is None or not accept.strip():
        return JSON
    best: tuple[float, int, int] | None = None
    chosen: str | None = None
    for offered, preference in ((GRAPHQL_RESPONSE, 1), (JSON, 0)):
        quality, specificity = quality_of(accept, offered)
        if specificity == 0 and offered == GRAPHQL_RESPONSE:
            preference = -1  # `*/*` alone does not say that the client knows the newer type
        rank = (quality, specificity, preference)
        if quality > 0 and (best is None or rank > best):
            best, chosen = rank, offered
    return chosen


def quality_of(accept: str, offered: str) -> tuple[float, int]:
    """The q-value of the most specific range that covers `offered`, and how specific it is."""
    best = (0.0, -1)
    main = offered.partition("/")[0]
    for item in accept.split(","):
        kind, _, parameters = item.partition(";")
        kind = kind.strip().lower()
        specificity = {offered: 2, f"{main}/*": 1, "*/*": 0}.get(kind)
        if specificity is None:
            continue
        quality, usable = 1.0, True
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            name, value = name.strip().lower(), value.strip().strip('"')
            if name == "q":
                quality = _number(value)
            elif name == "charset":
                usable = value.lower() in ("utf-8", "utf8")
        if usable and specificity > best[1]:
            best = (quality, specificity)
    return best


def _number(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


@lru_cache(256)
def is_json_request(content_type: str | None) -> bool:
    """Whether a body of this content type is JSON in UTF-8, the one form that is read."""
    if content_type is None:
        return False
    kind, _, parameters = content_type.partition(";")
    if kind.strip().lower() != JSON:
        return False
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() in ("utf-8", "utf8")
    return True
