"""The demo's data, from one seed: the same rows on every machine and in every run.

It only makes rows in memory; `store` writes them. It must never read a clock, the environment or a
random source other than its own seed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from random import Random

SEED = 20_260_101
VIDEOS, CHANNELS, COLLECTIONS, USERS = 10_000, 500, 300, 1_000
FIRST_DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

TOPICS = (
    "Music", "Cooking", "Travel", "Science", "History", "Chess", "Gardening", "Astronomy",
    "Cycling", "Painting", "Robotics", "Sailing", "Poetry", "Running", "Pottery", "Birds",
    "Trains", "Mathematics", "Theatre", "Mountains",
)  # fmt: skip
ADJECTIVES = (
    "Quiet", "Bright", "Northern", "Secret", "Simple", "Curious", "Golden", "Restless", "Ancient",
    "Modern", "Gentle", "Wild", "Patient", "Brave", "Tiny", "Endless", "Señor", "Grüne",
)  # fmt: skip
NOUNS = (
    "river", "kitchen", "machine", "garden", "orchestra", "harbour", "lantern", "workshop",
    "telescope", "market", "forest", "island", "café", "library", "bridge", "weather", "puzzle",
)  # fmt: skip
NAMES = (
    "Ada", "Björn", "Chloé", "Dmitri", "Elena", "François", "Grace", "Håkon", "Inês", "Jürgen",
    "Katarina", "Liam", "Mónica", "Noor", "Oskar", "Priya",
)  # fmt: skip
REMARKS = (
    "Watched it twice.", "The middle part is the best.", "Thank you for the subtitles!",
    "I disagree with the ending.", "More of this, please.", "Très bien fait.", "Who did the sound?",
    "Sent it to the whole family.", "Schöne Bilder.", "Could be half as long.",
)  # fmt: skip
COUNTRIES = ("DE", "ES", "FR", "GB", "IN", "NL", "NO", "PT")


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject that every video has one of."""

    id: str
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class User:
    """A person: owns channels, curates collections, writes comments."""

    id: str
    name: str
    email: str
    joined: str
    staff: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """Who publishes videos. Its texts fit latin-1, as the legacy's database does."""

    id: str
    name: str
    display_name: str
    verified: bool
    owner_id: str
    country: str
    description: str
    links: dict[str, str]
    subscribers: int
    views: int


@dataclass(frozen=True, slots=True)
class Video:
    """One video; the statistics are the monolith's, the rest is the catalogue's."""

    id: str
    title: str
    description: str | None
    duration_s: int
    created_at: str
    topic_id: str
    channel_id: str
    views: int
    likes: int


@dataclass(frozen=True, slots=True)
class Collection:
    """A list of videos that a user put together."""

    id: str
    title: str
    description: str
    curator_id: str
    video_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comment:
    """What a user said below a video."""

    id: str
    video_id: str
    author_id: str
    text: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """All rows; every list is in the order of the numbers in its ids."""

    topics: list[Topic]
    users: list[User]
    channels: list[Channel]
    videos: list[Video]
    collections: list[Collection]
    comments: list[Comment]


def make_dataset(seed: int = SEED) -> Dataset:
    """All of the demo's data. The same seed gives equal data."""
    random = Random(seed)
    topics = [Topic(f"t{n}", name.lower(), name) for n, name in enumerate(TOPICS, 1)]
    users = [_make_user(random, n) for n in range(1, USERS + 1)]
    channels = [_make_channel(random, n) for n in range(1, CHANNELS + 1)]
    videos = [_make_video(random, n, topics) for n in range(1, VIDEOS + 1)]
    collections = [_make_collection(random, n) for n in range(1, COLLECTIONS + 1)]
    return Dataset(topics, users, channels, videos, collections, _make_comments(random))


def moment(minutes: int) -> str:
    """RFC 3339 of the time that many minutes after the data's first day."""
    return (FIRST_DAY + dt.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _make_user(random: Random, n: int) -> User:
    name = random.choice(NAMES)
    return User(
        f"u{n}",
        f"{name} {n}",
        f"user{n}@example.org",
        moment(random.randrange(500_000)),
        n % 50 == 0,
    )


def _make_channel(random: Random, n: int) -> Channel:
    adjective, noun, topic = random.choice(ADJECTIVES), random.choice(NOUNS), random.choice(TOPICS)
    # Every third channel has no links: the legacy writes its empty map as a list.
    links = {} if n % 3 == 0 else {"web": f"https://channel{n}.example", "rss": f"/feeds/{n}.xml"}
    return Channel(
        f"c{n}",
        f"{noun}-{n}".replace("é", "e"),
        f"{adjective} {noun} {topic}",
        random.random() < 0.3,
        f"u{random.randint(1, USERS)}",
        random.choice(COUNTRIES),
        f"{topic} from the {noun}, à la carte and für alle.",
        links,
        random.randint(10, 2_000_000),
        random.randint(1_000, 900_000_000),
    )


def _make_video(random: Random, n: int, topics: list[Topic]) -> Video:
    topic = random.choice(topics)
    title = f"{random.choice(ADJECTIVES)} {random.choice(NOUNS)} of {topic.name.lower()}, part {n}"
    described = f"All about {topic.name.lower()} and a {random.choice(NOUNS)}."
    views = int(random.paretovariate(1.2) * 100)
    return Video(
        f"v{n}",
        title,
        None if n % 7 == 0 else described,
        random.randint(30, 7_200),
        moment(n * 90),
        topic.id,
        f"c{random.randint(1, CHANNELS)}",
        min(views, 2_000_000_000),
        min(views, 2_000_000_000) // random.randint(5, 60),
    )


def _make_collection(random: Random, n: int) -> Collection:
    topic = random.choice(TOPICS)
    members = random.sample(range(1, VIDEOS + 1), random.randint(3, 12))
    return Collection(
        f"k{n}",
        f"Best of {topic} {n}",
        f"{topic} to watch on a {random.choice(ADJECTIVES).lower()} evening.",
        f"u{random.randint(1, USERS)}",
        tuple(f"v{member}" for member in members),
    )


def _make_comments(random: Random) -> list[Comment]:
    comments: list[Comment] = []
    for video in range(1, VIDEOS + 1):
        # Most videos have a few, one in a hundred has a page and more, one in nine none.
        count = 0 if video % 9 == 0 else 25 if video % 100 == 1 else random.randint(1, 5)
        for _ in range(count):
            author, text = f"u{random.randint(1, USERS)}", random.choice(REMARKS)
            n = len(comments) + 1
            comments.append(Comment(f"m{n}", f"v{video}", author, text, moment(900_000 + n)))
    return comments
