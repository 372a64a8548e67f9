"""A framework's function that only reads a member of its parent, so that the compiled path reads it itself."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NamedTuple


class MemberAccess(Enum):
    """How a framework's function reads a member of the parent."""

    ATTRIBUTE = auto()  # as `getattr` does: an error where there is none
    ANY = auto()  # the item of a dict, else the attribute; null where there is none
    DEFAULT = (
        auto()
    )  # as graphql-core's default resolver: ANY of mappings, and what can be called is called


class Member(NamedTuple):
    """What a framework's function only reads: the compiled path reads it itself.

    Attributes:
        name: Of the member.
        access: How it is read.
    """

    name: str
    access: MemberAccess


class MemberMark(NamedTuple):
    """What a function bears: its member, and whose it is. `functools.wraps` copies marks to functions that do more."""

    member: Member
    owner: Any


def mark_member(resolve: Any, member: Member) -> None:
    """Say of a framework's function that it does no more than reading a member of the parent."""
    resolve.gateway_member = MemberMark(member, resolve)


def member_of(resolve: Any) -> Member | None:
    """What a resolver only reads; None where it may do more."""
    found = getattr(resolve, "gateway_member", None)
    return found.member if isinstance(found, MemberMark) and found.owner is resolve else None
