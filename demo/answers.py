"""How the Python backends answer: JSON with an entity tag, pages with opaque cursors, errors as data."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MAX_PAGE, DEFAULT_PAGE = 100, 20


class Refusal(HTTPException):
    """A request that is answered with `{"error": {"code": …, "message": …}}`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code


async def refuse(_: Request, exc: Exception) -> Response:
    """The answer to an HTTPException of any kind."""
    assert isinstance(exc, HTTPException)
    code = getattr(exc, "code", "BAD_REQUEST")
    body = orjson.dumps({"error": {"code": code, "message": exc.detail}})
    return Response(body, exc.status_code, media_type="application/json")


def respond(request: Request, data: Any, cache_control: str = "public, max-age=30") -> Response:
    """`data` as JSON; 304 without a body when the client names its entity tag (RFC 9110 §13.1.2)."""
    body = orjson.dumps(data)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": cache_control}
    asked = request.headers.get("if-none-match", "")
    # A weak tag compares equal to the strong one here.
    known = [item.strip().removeprefix("W/") for item in asked.split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for: at most `size` items behind position `after`."""

    size: int
    after: int


def read_window(request: Request, size_parameter: str = "limit") -> Window:
    """The page that the query parameters ask for. Errors: Refusal."""
    text = request.query_params.get(size_parameter, str(DEFAULT_PAGE))
    if not (text.isascii() and text.isdigit()) or int(text) > MAX_PAGE:
        raise Refusal(400, "BAD_PAGE_SIZE", f"{size_parameter} must be from 0 to {MAX_PAGE}")
    return Window(int(text), read_cursor(request.query_params.get("after")))


def write_cursor(position: int) -> str:
    """An opaque text for a position."""
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> int:
    """The position of a cursor, 0 for none. Errors: Refusal."""
    if not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if text[:1] != "p" or not text[1:].isdigit() or len(text) > 16:
        raise Refusal(400, "BAD_CURSOR", "after is not a cursor of this list")
    return int(text[1:])


def make_page(
    rows: Sequence[dict[str, Any]], window: Window, position: str = "n"
) -> dict[str, Any]:
    """One page of a list, from one row more than the page holds.

    Args:
        rows: Changed: `position`, which is not sent, gives each row's cursor.
        window: As asked for.
        position: The member of a row that says where in the list it stands.
    """
    items = [{"cursor": write_cursor(row.pop(position)), **row} for row in rows[: window.size]]
    page = {
        "has_next": len(rows) > window.size,
        "has_previous": window.after > 0,
        "start_cursor": items[0]["cursor"] if items else None,
        "end_cursor": items[-1]["cursor"] if items else None,
    }
    return {"items": items, "page": page}


def read_ids(request: Request, parameter: str = "ids") -> list[str]:
    """The ids of a batch, each once, in order. Errors: Refusal when there are too many."""
    ids = list(dict.fromkeys(item for item in request.query_params[parameter].split(",") if item))
    if len(ids) > 500:
        raise Refusal(400, "BATCH_TOO_LARGE", "at most 500 ids in one request")
    return ids
