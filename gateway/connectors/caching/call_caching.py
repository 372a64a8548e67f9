"""What one connector tells the cache with each of its calls. It stores nothing and knows no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from msgspec.structs import replace

from gateway.auth.principal import Principal
from gateway.connectors.caching.answers import AnswerHints, Path
from gateway.connectors.caching.tag_format import TagFormat, value_at
from gateway.errors import UpstreamError
from gateway.upstream.cache.hints import CacheHints
from gateway.upstream.cache.tags import key_tag, named_tag, type_tag
from gateway.upstream.transport import Fetched

Variables = Mapping[str, Any]
Mapped = Callable[[Fetched, dict[str, Any]], Any]
ISSUED = ("kind", "issuer")
"""What makes an id unique: two issuers may each have an `alice`, and an API key's client may be one, too."""


@dataclass(slots=True)
class CallCaching:
    """Of one connector.

    Attributes:
        name: Of the connector.
        source: The source's name.
        answers: What the schema says of its answers.
        tags: What its field says they are purged by.
        private_member: The member of the principal that private answers are kept by; None where none are.
        version: Of all that a request and the meaning of its answer depend on, but arguments, keys and the client.
        is_write: The call is a mutation's: its tags are what it makes unusable.
        mapped_by: What of the call the mapping of its answers reads.
        key: The type whose objects the call asks for by key, which variable holds the keys, and their members.
    """

    name: str
    source: str
    answers: AnswerHints
    tags: tuple[TagFormat, ...] = ()
    private_member: str | None = None
    version: str = ""
    is_write: bool = False
    mapped_by: tuple[Path, ...] = ()
    key: tuple[str, str, tuple[str, ...]] | None = None
    _digest: str = field(init=False)
    _told_by: list[Path] = field(init=False)
    _type_tags: frozenset[str] = field(init=False)
    _of_rows: CacheHints = field(init=False)
    _of_kept_rows: CacheHints = field(init=False)

    def __post_init__(self) -> None:
        self._type_tags = frozenset(type_tag(self.source, name) for name in self.answers.types)
        self._note_tags()
        self._of_rows = CacheHints(
            max_age_s=self.answers.max_age_s,
            is_private=self.answers.is_private,
            has_owner=self.private_member is not None,
            in_rows=True,
        )
        self._of_kept_rows = replace(self._of_rows, is_noted=True)

    def ask_by_key(self, type_name: str, variable: str, members: Iterable[str]) -> None:
        """Its calls ask for objects of a type, whose keys stand in a variable."""
        self.key = type_name, variable, tuple(members)
        self._note_tags()

    def _note_tags(self) -> None:
        """All that the tags of an answer depend on is part of its key: it has those of when it was stored.

        Of a batch's keys that is so already: they are sent, or are keys of rows.
        """
        answers = self.answers
        said = answers.max_age_s, answers.types, answers.of_rows, self.tags, self.key
        has_own = bool(answers.of_rows or self.tags or self.key)
        text = repr((said, self.version if has_own else ""))
        self._digest = blake2b(text.encode(), digest_size=12).hexdigest()
        forms = [*self.tags, *(form for rows in answers.of_rows.values() for _, form in rows)]
        told_by = {
            (name, *path) for name in ("args", "this") for f in forms for path in f.paths(name)
        }
        if answers.of_rows:
            told_by.update(self.mapped_by)
        if self.key is not None and self.key[1] != "batch":
            told_by.update((self.key[1], member) for member in self.key[2])
        self._told_by = sorted(told_by)

    @property
    def fingerprint(self) -> str:
        """Of what the rows of a batch depend on beside arguments, keys and the client."""
        return self._digest + self.version

    def _digest_of(self, variables: Callable[[], dict[str, Any]]) -> str:
        """Of how long an answer is fresh, and of its tags."""
        if not self._told_by:
            return self._digest
        given = variables()
        return self._digest + repr([value_at(given, path) for path in self._told_by])

    def hints(
        self, variables: Callable[[], dict[str, Any]], principal: Principal, mapped: Mapped
    ) -> CacheHints:
        """What goes with one call.

        Args:
            variables: Gives those of the call; called where tags depend on them, and when an answer is stored.
            principal: The client's principal, as the call sees it.
            mapped: What an answer maps to. Errors: UpstreamError.
        """
        if self.is_write:
            return CacheHints(
                purges=lambda fetched: self._names(fetched, variables(), mapped) or ()
            )
        return CacheHints(
            max_age_s=self.answers.max_age_s,
            is_private=self.answers.is_private,
            has_owner=self.private_member is not None,
            private_id=self.owner(principal),
            digest=self._digest_of(variables),
            tags=lambda fetched: self._tags_of(fetched, variables(), mapped),
        )

    def hints_of_rows(self, principal: Principal, *, is_noted: bool) -> CacheHints:
        """What goes with a call for a batch whose rows are kept by themselves, or are not kept this time.

        Args:
            principal: The client's, as the call sees it.
            is_noted: Whether the caller notes what clients are told of the rows' freshness.
        """
        hints = self._of_kept_rows if is_noted else self._of_rows
        if self.private_member is None:
            return hints
        return replace(hints, private_id=self.owner(principal))

    @property
    def reads(self) -> frozenset[str]:
        """The members of the principal that `owner` reads."""
        if self.private_member is None:
            return frozenset()
        return frozenset((self.private_member, *ISSUED))

    @property
    def owners(self) -> frozenset[str]:
        """The member that private answers belong to."""
        return frozenset(() if self.private_member is None else (self.private_member,))

    def owner(self, principal: Principal) -> str | None:
        """Whose a private answer is; None where it is nobody's: it is not kept then."""
        if self.private_member is None or principal.member(self.private_member) is None:
            return None
        return repr([principal.member(path) for path in (*ISSUED, self.private_member)])

    def _tags_of(
        self, fetched: Fetched, variables: dict[str, Any], mapped: Mapped
    ) -> frozenset[str] | None:
        """All that an answer is purged by; None where it cannot be told, and the answer is not to be kept."""
        found = set(self._type_tags)
        for type_name, key in self._keys(variables):
            found.add(key_tag(self.source, type_name, key))
        names = self._names(fetched, variables, mapped)
        if names is None:
            return None
        found.update(named_tag(self.source, name) for name in names)
        return frozenset(found)

    def _keys(self, variables: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The objects that a call asks for by key."""
        if self.key is not None:
            type_name, variable, members = self.key
            items = variables[variable]
            for item in items if isinstance(items, list) else (items,):
                yield type_name, {member: item.get(member) for member in members}

    def row_tags(
        self, key: Mapping[str, Any], row: Any, variables: dict[str, Any]
    ) -> frozenset[str]:
        """What one row of a batch is purged by.

        Args:
            key: That it was asked for by.
            row: What it maps to; None where no tag is made of that, or there is none: its key tells some.
            variables: Of the call.
        """
        found = set(self._type_tags)
        if self.key is not None:
            asked = {member: key.get(member) for member in self.key[2]}
            found.add(key_tag(self.source, self.key[0], asked))
            if row is None and self.answers.of_rows:  # it may be there when it is asked for again
                row = asked
        if self.tags:
            names = [form.tag(variables) for form in self.tags]
            found.update(named_tag(self.source, name) for name in names if name is not None)
        if row is not None:
            rows = self.answers.row_tags(row, variables)
            found.update(named_tag(self.source, name) for name in rows)
        return frozenset(found)

    def _names(
        self, fetched: Fetched, variables: dict[str, Any], mapped: Mapped
    ) -> set[str] | None:
        """The tags that the schema gives an answer; None where it does not map to what has them.

        An answer that says that there is nothing, or that it failed, has those that its key tells.
        """
        names = {tag for form in self.tags if (tag := form.tag(variables)) is not None}
        if self.answers.of_rows:
            for _, key in self._keys(variables):
                names.update(self.answers.row_tags(key, variables))
            try:
                value = mapped(fetched, variables)
            except UpstreamError:
                return names if fetched.status >= HTTPStatus.BAD_REQUEST else None
            names.update(self.answers.row_tags(value, variables))
        return names

    def describe(self) -> str:
        """What holds for its answers, for people; "" where the schema says nothing."""
        said = []
        because = self.answers.because
        if self.answers.max_age_s is not None:
            said.append(f"at most {self.answers.max_age_s} s ({because['max_age']})")
        if self.answers.is_private:
            said.append(f"private by {self.private_member} ({because['scope']})")
        forms = [*self.tags, *(form for rows in self.answers.of_rows.values() for _, form in rows)]
        if forms:
            said.append("tags " + " ".join(dict.fromkeys(form.text for form in forms)))
        verb = "purges" if self.is_write else "kept"
        return f"{verb} {', '.join(said)}" if said else ""
