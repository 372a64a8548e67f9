"""The library's resolvers over SQLite; each statement is written down, so that a test can count them."""

import sqlite3

from aiodataloader import DataLoader

from gateway import batch_resolver, on_shutdown, on_startup, resolver

ROWS = """
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, author_id INTEGER);
INSERT INTO authors VALUES (1, 'Jane Austen'), (2, 'Mary Shelley');
INSERT INTO books VALUES (1, 'Emma', 1), (2, 'Persuasion', 1), (3, 'Frankenstein', 2);
"""


@on_startup
async def connect(state):
    """Once for each worker."""
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.executescript(ROWS)
    statements = []
    database.set_trace_callback(statements.append)
    return {"database": database, "statements": statements}


@on_shutdown
async def disconnect(state):
    state["database"].close()


def select(context, statement, values=()):
    """Rows as dicts. A real database has a driver that is awaited here."""
    return [dict(row) for row in context.state["database"].execute(statement, values)]


def marks(values):
    return ", ".join("?" * len(values))


@resolver("Query.authors", vary=())
def authors(parent, context):
    return select(context, "SELECT id, name FROM authors ORDER BY id")


@resolver("Query.book", vary=())
def book(parent, context, *, id):
    rows = select(context, "SELECT id, title, author_id FROM books WHERE id = ?", [id])
    return rows[0] if rows else None


@batch_resolver("Author.books", vary=())
async def books(parents, context, *, first):
    """The books of all authors of a level in one query."""
    ids = [parent["id"] for parent in parents]
    rows = select(
        context,
        f"SELECT id, title, author_id FROM books WHERE author_id IN ({marks(ids)}) ORDER BY id",
        ids,
    )
    return [[row for row in rows if row["author_id"] == id_][:first] for id_ in ids]


@resolver("Book.author", vary=())
async def author(parent, context):
    """By a dataloader; it lives as long as the request, and so does its cache."""
    loader = context.loaders.under("authors", lambda: author_loader(context))
    return await loader.load(parent["author_id"])


def author_loader(context):
    """Loads authors by id for one request."""

    async def load(ids):
        rows = select(context, f"SELECT id, name FROM authors WHERE id IN ({marks(ids)})", ids)
        by_id = {row["id"]: row for row in rows}
        return [by_id.get(id_) for id_ in ids]

    return DataLoader(load)
