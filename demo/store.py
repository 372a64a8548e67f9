"""Writes the demo's data where the backends read it: two SQLite files and one PHP file.

A folder is named by the digest of what made it, and appears by one rename: it is whole or not there, and
a folder that is there is up to date.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from dataclasses import astuple
from pathlib import Path

from demo import dataset
from demo.dataset import SEED, Dataset, make_dataset

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_FOLDER = ROOT / "var" / "demo"

CATALOG = """
CREATE TABLE topics (n INTEGER PRIMARY KEY, id TEXT, slug TEXT, name TEXT);
CREATE TABLE videos (
  n INTEGER PRIMARY KEY, id TEXT, title TEXT, description TEXT, duration_s INTEGER, created_at TEXT,
  topic_id TEXT, channel_id TEXT
);
CREATE TABLE collections (n INTEGER PRIMARY KEY, id TEXT, title TEXT, description TEXT, curator_id TEXT);
CREATE TABLE collection_videos (
  collection_id TEXT, position INTEGER, video_id TEXT, PRIMARY KEY (collection_id, position)
) WITHOUT ROWID;
CREATE TABLE comments (
  n INTEGER PRIMARY KEY, id TEXT, video_id TEXT, author_id TEXT, text TEXT, created_at TEXT
);
"""
CATALOG_INDEXES = """
CREATE INDEX videos_topic ON videos (topic_id, n);
CREATE INDEX videos_channel ON videos (channel_id, n);
CREATE INDEX comments_video ON comments (video_id, n);
"""
SEARCH = """
CREATE TABLE documents (n INTEGER PRIMARY KEY, id TEXT UNIQUE, kind TEXT, topic_id TEXT);
CREATE VIRTUAL TABLE texts USING fts5 (title, body, tokenize = 'unicode61 remove_diacritics 2');
"""


def ensure_data(folder: Path = DEFAULT_FOLDER, seed: int = SEED) -> Path:
    """The folder with the data of `seed`, made when it is not there yet.

    Shape: `catalog.db`, `search.db` and `monolith.php` in `folder/DIGEST`.
    """
    target = folder / _digest(seed)
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
    try:
        data = make_dataset(seed)
        _write_catalog(making / "catalog.db", data)
        _write_search(making / "search.db", data)
        _write_monolith(making / "monolith.php", data)
        try:
            making.rename(target)
        except OSError:
            # Another process was faster; what it made is the same.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return target


def _digest(seed: int) -> str:
    made_by = hashlib.sha256(str(seed).encode())
    for source in (dataset.__file__, __file__):
        made_by.update(Path(source).read_bytes())
    return made_by.hexdigest()[:12]


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    # The file appears whole or not at all, so no journal is needed while it is written.
    database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
    return database


def _write_catalog(path: Path, data: Dataset) -> None:
    database = _open(path)
    database.executescript(CATALOG)

    def insert(table: str, rows: list[tuple[object, ...]]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    insert("topics", [(n, *astuple(row)) for n, row in enumerate(data.topics, 1)])
    # Views and likes, the last two, are the monolith's.
    insert("videos", [(n, *astuple(row)[:-2]) for n, row in enumerate(data.videos, 1)])
    insert("collections", [(n, *astuple(row)[:-1]) for n, row in enumerate(data.collections, 1)])
    insert("comments", [(n, *astuple(row)) for n, row in enumerate(data.comments, 1)])
    members: list[tuple[object, ...]] = [
        (row.id, position, video)
        for row in data.collections
        for position, video in enumerate(row.video_ids)
    ]
    insert("collection_videos", members)
    database.executescript(CATALOG_INDEXES)
    database.commit()
    database.close()


def _write_search(path: Path, data: Dataset) -> None:
    database = _open(path)
    database.executescript(SEARCH)
    rows = [(v.id, "video", v.topic_id, v.title, v.description or "") for v in data.videos]
    rows += [(c.id, "channel", "", c.display_name, c.description) for c in data.channels]
    rows += [(k.id, "collection", "", k.title, k.description) for k in data.collections]
    for n, (id_, kind, topic, title, body) in enumerate(rows, 1):
        database.execute("INSERT INTO documents VALUES (?, ?, ?, ?)", (n, id_, kind, topic))
        database.execute(
            "INSERT INTO texts (rowid, title, body) VALUES (?, ?, ?)", (n, title, body)
        )
    database.commit()
    database.close()


def _write_monolith(path: Path, data: Dataset) -> None:
    """A PHP file that returns one constant array: opcache keeps it in memory that the workers share."""
    channels = {
        row.id: {
            "id": row.id,
            "name": row.name,
            "display_name": row.display_name,
            "verified": _flag(row.verified),
            "owner_id": row.owner_id,
            "country": row.country,
            "description": row.description,
            "links": row.links,
            "subscribers": str(row.subscribers),
            "views": str(row.views),
        }
        for row in data.channels
    }
    users = {
        row.id: {
            "id": row.id,
            "name": row.name,
            "email": row.email,
            "joined": row.joined,
            "staff": _flag(row.staff),
        }
        for row in data.users
    }
    videos = {
        row.id: {"id": row.id, "views": str(row.views), "likes": str(row.likes)}
        for row in data.videos
    }
    text = _php({"channels": channels, "users": users, "videos": videos})
    path.write_text(f"<?php return {text};\n", encoding="utf-8")


def _flag(value: bool) -> str:
    return "1" if value else "0"


def _php(value: object) -> str:
    if isinstance(value, dict):
        return "[" + ",".join(f"{_php(key)}=>{_php(item)}" for key, item in value.items()) + "]"
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
