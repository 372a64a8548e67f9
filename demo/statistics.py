"""The REST service that takes the counters of videos over from the monolith: `GET /stats?ids=v1,v2`.

`DEMO_WRONG_EVERY=200` makes the likes of every 200th video wrong, as a mistake in the copying of data would.
"""

from __future__ import annotations

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.answers import read_ids, respond
from demo.dataset import make_dataset
from demo.instrument import Instrumented

WRONG_EVERY = "DEMO_WRONG_EVERY"


def make_app(data: Path) -> Instrumented:
    """The service. Its numbers are those of the seed, as those in `data` are."""
    del data
    every = int(os.environ.get(WRONG_EVERY, "0"))
    rows = {
        row.id: {"id": row.id, "views": row.views, "likes": row.likes + _slip(number, every)}
        for number, row in enumerate(make_dataset().videos, 1)
    }

    async def stats(request: Request) -> Response:
        return respond(request, {"items": [rows[id_] for id_ in read_ids(request) if id_ in rows]})

    return Instrumented(Starlette(routes=[Route("/stats", stats)]), "statistics")


def _slip(number: int, every: int) -> int:
    return 1 if every and number % every == 0 else 0
