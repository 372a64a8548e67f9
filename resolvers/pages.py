"""The catalogue's pages as GraphQL connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gateway import ClientError

if TYPE_CHECKING:
    import httpx


def page_info(page: Mapping[str, Any]) -> dict[str, Any]:
    """A backend's `page` as a PageInfo."""
    return {
        "hasNextPage": page["has_next"],
        "hasPreviousPage": page["has_previous"],
        "startCursor": page["start_cursor"],
        "endCursor": page["end_cursor"],
    }


def connection(
    page: Mapping[str, Any], make_node: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """A page with its items as the nodes of a connection."""
    edges = [{"cursor": item["cursor"], "node": make_node(item)} for item in page["items"]]
    return {"edges": edges, "pageInfo": page_info(page["page"])}


def window(first: int | None, after: str | None, size_parameter: str) -> dict[str, Any]:
    """The query parameters that ask for a page."""
    asked: dict[str, Any] = {size_parameter: 10 if first is None else first}
    return {**asked, "after": after} if after else asked


def refuse(answer: httpx.Response) -> None:
    """Raise what a failing answer says. Errors: ClientError for a 400, else httpx.HTTPStatusError."""
    if answer.status_code == 400:
        error = answer.json()["error"]
        raise ClientError(error["message"], extensions={"reason": error["code"]})
    answer.raise_for_status()
