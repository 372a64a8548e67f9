"""The REST catalogue: videos, topics, collections and comments from one read-only SQLite file.

Comments that are added live in memory: every start of the service begins with the same data.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.answers import Refusal, Window, make_page, read_ids, read_window, refuse, respond
from demo.dataset import VIDEOS, moment
from demo.instrument import Instrumented

VIDEO = "id, title, description, duration_s, created_at, topic_id, channel_id"
COLLECTION = "id, title, description, curator_id"
TOPIC = "id, slug, name"
COMMENT = "id, video_id, author_id, text, created_at"
MAX_COMMENT_CHARS = 2_000


class Catalog:
    """The service's endpoints over its database."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(":memory:", uri=True)
        self.database.row_factory = sqlite3.Row
        self.database.execute("ATTACH ? AS stored", (f"{path.resolve().as_uri()}?mode=ro",))
        self.database.executescript(
            "CREATE TABLE added AS SELECT * FROM stored.comments WHERE 0;"
            "CREATE TEMP VIEW all_comments AS"
            " SELECT * FROM stored.comments UNION ALL SELECT * FROM added;"
        )
        (self.last_comment,) = self.database.execute(
            "SELECT max(n) FROM stored.comments"
        ).fetchone()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The rows of a query as dicts."""
        return [dict(row) for row in self.database.execute(sql, values)]

    async def videos(self, request: Request) -> Response:
        """`?ids=`, `?channel_ids=&per_channel=`, or a page of the list, perhaps of one topic."""
        if "ids" in request.query_params:
            return respond(request, {"items": self._by_ids(request, VIDEO, "videos")})
        if "channel_ids" in request.query_params:
            return respond(request, {"by_channel": self._videos_by_channel(request)})
        window = read_window(request)
        where, values = "n > ?", [window.after]
        counted: list[Any] = []
        if topic := request.query_params.get("topic"):
            where += " AND topic_id = (SELECT id FROM topics WHERE id = ? OR slug = ?)"
            counted = [topic, topic]
        rows = self.rows(
            f"SELECT n, {VIDEO} FROM videos WHERE {where} ORDER BY n LIMIT ?",
            *values,
            *counted,
            window.size + 1,
        )
        total = VIDEOS
        if counted:
            (total,) = self.database.execute(
                f"SELECT count(*) FROM videos WHERE {where}", (0, *counted)
            ).fetchone()
        return respond(request, {**make_page(rows, window), "total": total})

    async def collections(self, request: Request) -> Response:
        """`?ids=`, or a page of the list."""
        if "ids" in request.query_params:
            rows = self._by_ids(request, COLLECTION, "collections")
            return respond(request, {"items": self._with_videos(rows)})
        window = read_window(request)
        rows = self.rows(
            f"SELECT n, {COLLECTION} FROM collections WHERE n > ? ORDER BY n LIMIT ?",
            window.after,
            window.size + 1,
        )
        (total,) = self.database.execute("SELECT count(*) FROM collections").fetchone()
        return respond(request, {**make_page(self._with_videos(rows), window), "total": total})

    async def topics(self, request: Request) -> Response:
        """`?ids=`, or all."""
        if "ids" in request.query_params:
            return respond(request, {"items": self._by_ids(request, TOPIC, "topics")})
        return respond(request, {"items": self.rows(f"SELECT {TOPIC} FROM topics ORDER BY n")})

    async def video(self, request: Request) -> Response:
        """One video."""
        return respond(request, {"data": self._one(request, VIDEO, "videos")})

    async def collection(self, request: Request) -> Response:
        """One collection."""
        rows = self._with_videos([self._one(request, COLLECTION, "collections")])
        return respond(request, {"data": rows[0]})

    async def topic(self, request: Request) -> Response:
        """One topic."""
        return respond(request, {"data": self._one(request, TOPIC, "topics")})

    async def comments(self, request: Request) -> Response:
        """`?video_ids=…&per_video=N&after=…`: the first comments of each video."""
        if "video_ids" not in request.query_params:
            raise Refusal(400, "BAD_REQUEST", "video_ids is required")
        window = read_window(request, "per_video")
        pages = self._paged(
            COMMENT, "all_comments", "video_id", read_ids(request, "video_ids"), window
        )
        return respond(request, {"by_video": pages}, "no-cache")

    async def add_comment(self, request: Request) -> Response:
        """Store `{"video_id": …, "author_id": …, "text": …}` until the service ends."""
        try:
            body = json.loads(await request.body())
        except ValueError:
            raise Refusal(400, "BAD_REQUEST", "the body is not JSON") from None
        members = ("video_id", "author_id", "text")
        if not isinstance(body, dict) or not all(isinstance(body.get(m), str) for m in members):
            raise Refusal(400, "BAD_REQUEST", f"the members {', '.join(members)} must be strings")
        text = body["text"].strip()
        if not text or len(text) > MAX_COMMENT_CHARS:
            message = f"a comment has from 1 to {MAX_COMMENT_CHARS} characters"
            raise Refusal(422, "BAD_COMMENT", message)
        if not self.rows("SELECT n FROM videos WHERE n = ?", number_of(body["video_id"], "v")):
            raise Refusal(404, "NOT_FOUND", f"there is no video {body['video_id']}")
        self.last_comment += 1
        n = self.last_comment
        row = (n, f"m{n}", body["video_id"], body["author_id"], text, moment(900_000 + n))
        self.database.execute("INSERT INTO added VALUES (?, ?, ?, ?, ?, ?)", row)
        made = self.rows(f"SELECT {COMMENT} FROM added WHERE n = ?", n)[0]
        response = respond(request, {"data": made}, "no-store")
        response.status_code = 201
        return response

    def _by_ids(self, request: Request, columns: str, table: str) -> list[dict[str, Any]]:
        """The rows of a batch, in the table's order; an unknown id has none."""
        ids = json.dumps(read_ids(request))
        prefix = {"videos": "v", "collections": "k", "topics": "t"}[table]
        return self.rows(
            f"SELECT {columns} FROM {table} WHERE n IN"
            " (SELECT CAST(substr(value, 2) AS INTEGER) FROM json_each(?) WHERE value LIKE ?)"
            " AND id IN (SELECT value FROM json_each(?)) ORDER BY n",
            ids,
            f"{prefix}%",
            ids,
        )

    def _one(self, request: Request, columns: str, table: str) -> dict[str, Any]:
        id_ = request.path_params["id"]
        rows = self.rows(
            f"SELECT {columns} FROM {table} WHERE n = ? AND id = ?", number_of(id_, id_[0]), id_
        )
        if not rows:
            raise Refusal(404, "NOT_FOUND", f"{table} has no {id_}")
        return rows[0]

    def _with_videos(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        by_id: dict[str, list[dict[str, str]]] = {row["id"]: [] for row in rows}
        for member in self.rows(
            "SELECT collection_id, video_id FROM collection_videos WHERE collection_id IN"
            " (SELECT value FROM json_each(?)) ORDER BY collection_id, position",
            json.dumps(list(by_id)),
        ):
            by_id[member["collection_id"]].append({"id": member["video_id"]})
        return [{**row, "videos": by_id[row["id"]]} for row in rows]

    def _videos_by_channel(self, request: Request) -> dict[str, Any]:
        window = read_window(request, "per_channel")
        return self._paged(VIDEO, "videos", "channel_id", read_ids(request, "channel_ids"), window)

    def _paged(
        self, columns: str, table: str, key: str, ids: list[str], window: Window
    ) -> dict[str, Any]:
        """For each id the page of its rows, an empty one where it has none."""
        found: dict[str, list[dict[str, Any]]] = {id_: [] for id_ in ids}
        for row in self.rows(
            f"SELECT n, {columns}, {key} AS page_of FROM (SELECT *, row_number() OVER"
            f" (PARTITION BY {key} ORDER BY n) AS place FROM {table} WHERE n > ? AND {key} IN"
            " (SELECT value FROM json_each(?))) WHERE place <= ? ORDER BY n",
            window.after,
            json.dumps(ids),
            window.size + 1,
        ):
            found[row.pop("page_of")].append(row)
        return {id_: make_page(rows, window) for id_, rows in found.items()}


def number_of(id_: str, prefix: str) -> int:
    """The number in an id, 0 when it is not one with this prefix."""
    digits = id_.removeprefix(prefix)
    plain = digits != id_ and digits.isascii() and digits.isdigit() and len(digits) < 10
    return int(digits) if plain else 0


def make_app(data: Path) -> Instrumented:
    """The service over `data/catalog.db`."""
    catalog = Catalog(data / "catalog.db")
    routes = [
        Route("/videos", catalog.videos),
        Route("/videos/{id}", catalog.video),
        Route("/collections", catalog.collections),
        Route("/collections/{id}", catalog.collection),
        Route("/topics", catalog.topics),
        Route("/topics/{id}", catalog.topic),
        Route("/comments", catalog.comments, methods=["GET"]),
        Route("/comments", catalog.add_comment, methods=["POST"]),
    ]
    return Instrumented(
        Starlette(routes=routes, exception_handlers={HTTPException: refuse}), "catalog"
    )
