"""A small schema, and a root value of it."""

from __future__ import annotations

SDL = "type Query { a(n: Int): Int b: Int row: Row } type Row { a: Int b: Int }"
ROOT = {"a": 1, "row": {"b": 2}}
