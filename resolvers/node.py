"""Objects by their global ids: the prefix says the type, and the type's connectors do the rest."""

from __future__ import annotations

from typing import Any

from gateway import ClientError, Context, resolver, type_resolver

TYPES = {"v": "Video", "c": "Channel", "k": "Collection", "t": "Topic", "u": "User"}


def type_of(id_: str) -> str | None:
    """The GraphQL type that an id names, None when it is no id of ours."""
    return TYPES.get(id_[:1]) if id_[1:].isdigit() and id_.isascii() else None


@resolver("Query.node", vary=())
def node(_parent: Any, _context: Context, id: str) -> dict[str, str]:  # noqa: A002 - the SDL's name
    """The object's type and id; the fields that are asked for come in one batch."""
    name = type_of(id)
    if name is None:
        raise ClientError(
            f"{id!r} is not an id: one is a letter of {', '.join(TYPES)} and a number."
        )
    return {"__typename": name, "id": id}


@type_resolver("SearchResult", vary=())
def search_result(value: Any, _context: Context) -> str | None:
    """What a hit of the search service is."""
    return type_of(value["id"])
