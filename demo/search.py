"""The search service: ranked ids of videos, channels and collections, and highlights, by SQLite's FTS5."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.answers import make_page, read_ids, read_window, refuse, respond
from demo.instrument import Instrumented

# The best of each kind take turns, so that 500 channels are not drowned by 10,000 videos.
RANKED = """
WITH found AS (
  SELECT d.id, d.kind, -bm25(texts, 4.0, 1.0) AS score,
         highlight(texts, 0, '<em>', '</em>') AS highlight
  FROM texts JOIN documents d ON d.n = texts.rowid WHERE texts MATCH ?
), placed AS (
  SELECT *, row_number() OVER (PARTITION BY kind ORDER BY score DESC, id) AS turn FROM found
), listed AS (
  SELECT *, row_number() OVER (ORDER BY turn, kind) AS n, count(*) OVER () AS total FROM placed
)
SELECT n, id, kind, round(score, 6) AS score, highlight, total FROM listed
WHERE n > ? ORDER BY n LIMIT ?
"""
# The next five of the same topic.
RELATED = """
WITH asked AS (SELECT n, id, topic_id FROM documents WHERE id IN (SELECT value FROM json_each(?)))
SELECT asked.id AS id, other.id AS other FROM asked JOIN documents other ON other.n IN (
  SELECT n FROM documents WHERE topic_id = asked.topic_id AND topic_id <> '' AND n > asked.n
  ORDER BY n LIMIT 5
) ORDER BY asked.n, other.n
"""


class Search:
    """The service's endpoints over its database."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self.database.row_factory = sqlite3.Row

    async def search(self, request: Request) -> Response:
        """`?q=words&limit=10&after=cursor`: what has all of the words, the last one perhaps begun."""
        window = read_window(request)
        words = re.findall(r"\w+", request.query_params.get("q", ""))[:16]
        rows = []
        if words:
            match = " ".join(f'"{word}"' for word in words) + "*"
            found = self.database.execute(RANKED, (match, window.after, window.size + 1))
            rows = [dict(row) for row in found]
        total = rows[0]["total"] if rows else 0
        for row in rows:
            del row["total"]
        return respond(request, {**make_page(rows, window), "total": total})

    async def related(self, request: Request) -> Response:
        """`?ids=v1,v2`: for each video the ids of some more of its topic."""
        ids = read_ids(request)
        by_id: dict[str, list[str]] = {id_: [] for id_ in ids}
        for row in self.database.execute(RELATED, (json.dumps(ids),)):
            by_id[row["id"]].append(row["other"])
        return respond(request, {"by_id": by_id})


def make_app(data: Path) -> Instrumented:
    """The service over `data/search.db`."""
    search = Search(data / "search.db")
    routes = [
        Route("/search", search.search),
        Route("/related", search.related),
    ]
    return Instrumented(
        Starlette(routes=routes, exception_handlers={HTTPException: refuse}), "search"
    )
