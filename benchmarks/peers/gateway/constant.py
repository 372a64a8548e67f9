"""The constant field of the benchmark."""

from typing import Any

from gateway import Context, resolver


@resolver("Query.greeting")
def greeting(_parent: Any, _context: Context) -> str:
    return "hello"
