"""The data is the same from the same seed, and is made once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from demo.dataset import make_dataset
from demo.store import ensure_data


def test_same_seed_same_data() -> None:
    data = make_dataset()
    assert data == make_dataset()
    assert data.videos != make_dataset(seed=1).videos


def test_counts_and_ids() -> None:
    data = make_dataset()
    assert (len(data.videos), len(data.channels), len(data.collections)) == (10_000, 500, 300)
    assert data.videos[-1].id == "v10000"
    assert data.channels[-1].id == "c500"
    assert data.collections[-1].id == "k300"
    assert len({channel.name for channel in data.channels}) == 500
    assert len(data.comments) > 20_000


def test_references_exist() -> None:
    data = make_dataset()
    channels, topics = {row.id for row in data.channels}, {row.id for row in data.topics}
    videos, users = {row.id for row in data.videos}, {row.id for row in data.users}
    assert {row.channel_id for row in data.videos} <= channels
    assert {row.topic_id for row in data.videos} == topics
    assert {row.owner_id for row in data.channels} <= users
    assert {video for row in data.collections for video in row.video_ids} <= videos
    assert {row.video_id for row in data.comments} <= videos


def test_made_once(tmp_path: Path) -> None:
    made = ensure_data(tmp_path)
    before = {file.name: file.stat().st_mtime_ns for file in made.iterdir()}
    assert set(before) == {"catalog.db", "search.db", "monolith.php"}
    assert ensure_data(tmp_path) == made
    assert {file.name: file.stat().st_mtime_ns for file in made.iterdir()} == before
    assert [item.name for item in tmp_path.iterdir()] == [made.name]


def test_another_seed_is_another_folder(tmp_path: Path) -> None:
    first, second = ensure_data(tmp_path), ensure_data(tmp_path, seed=1)
    assert first != second
    titles = []
    for folder in (first, second):
        database = sqlite3.connect(folder / "catalog.db")
        titles.append(database.execute("SELECT title FROM videos WHERE n < 20").fetchall())
        database.close()
    assert titles[0] != titles[1]
