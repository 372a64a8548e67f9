"""A connector to its loader: which of the three it is, by what its request reads, and what its keys are.

It must send nothing, and change of the schema only that a field's values are from JSON.

Source: connectors.md §15.
"""

from __future__ import annotations

from collections.abc import Collection

from graphql import GraphQLField, GraphQLObjectType, get_named_type

from gateway.connectors.batch_loader import BatchLoader
from gateway.connectors.build_call import CallBuilder
from gateway.connectors.caching.batch_rows import BatchRows, may_be_in_rows
from gateway.connectors.call import ConnectorCall
from gateway.connectors.directives import Connect
from gateway.connectors.keys import EntityKey
from gateway.connectors.loaders import ConnectorLoader, FieldLoader, KeyedLoader
from gateway.connectors.mapping.members import NOTHING, Members
from gateway.connectors.reads import as_tree, joined_reads, spelled_out, without
from gateway.connectors.request.numbers_as_written import written_arguments
from gateway.graph.field_tree import FieldTree
from gateway.graph.json_numbers import FROM_JSON


class LoaderBuilder:
    """Makes the loaders of one schema's connectors.

    Args:
        calls: Makes what they call.
        resolved: Coordinates of fields that are no members of their object: somebody resolves them.
        max_url_bytes: A longer URL of a batch is split.

    Attributes:
        loaders: Those that were made.
    """

    def __init__(self, calls: CallBuilder, resolved: Collection[str], max_url_bytes: int) -> None:
        self.loaders: list[ConnectorLoader] = []
        self._calls = calls
        self._resolved = resolved
        self._max_url_bytes = max_url_bytes

    def field_loader(
        self, connect: Connect, owner: GraphQLObjectType, target: GraphQLField
    ) -> ConnectorLoader:
        """The loader of a connector on a field."""
        target.extensions[FROM_JSON] = True
        call, supplied = self._calls.make_call(connect, target.type, owner)
        call.written = written_arguments(target.args)
        kind = get_named_type(target.type)
        if connect.entity and call.caching is not None and isinstance(kind, GraphQLObjectType):
            members = self._read_by_request(call, "args", kind).members
            call.caching.ask_by_key(kind.name, "args", members)
        batch = self._read_by_request(call, "batch", owner)
        this = self._read_by_request(call, "this", owner).joined(
            self._read_by_mappings(call, "this", owner)
        )
        supplies = _as_tree(supplied)
        if batch.members:
            row_key = _row_key(connect.group_by, batch, owner) if connect.group_by else None
            loader: ConnectorLoader = self._batch_loader(
                call,
                connect.coordinate,
                as_tree(batch),
                supplies,
                key=EntityKey(batch, owner),
                row_key=row_key,
                max_size=connect.max_size,
            )
        elif this.members:
            loader = KeyedLoader(
                call,
                connect.coordinate,
                as_tree(this),
                supplies,
                key=EntityKey(this, owner, NOTHING),
                is_entity=False,
            )
        else:
            loader = FieldLoader(call, connect.coordinate, FieldTree(), supplies)
        self.loaders.append(loader)
        return loader

    def type_loader(self, connect: Connect, owner: GraphQLObjectType) -> ConnectorLoader:
        """The loader of a connector on a type."""
        call, supplied = self._calls.make_call(connect, owner, None)
        batch, key = (
            self._read_by_request(call, "batch", owner),
            self._read_by_request(call, "this", owner),
        )
        if call.caching is not None:
            variable, of_key = ("batch", batch) if batch.members else ("this", key)
            call.caching.ask_by_key(owner.name, variable, of_key.members)
        if batch.members:
            loader: ConnectorLoader = self._batch_loader(
                call,
                connect.name,
                as_tree(batch),
                _as_tree(supplied),
                key=EntityKey(batch, owner),
                row_key=None,
                max_size=connect.max_size,
            )
        else:
            read = key.joined(
                without(self._read_by_mappings(call, "this", owner), supplied.members)
            )
            loader = KeyedLoader(
                call,
                connect.name,
                as_tree(read),
                _as_tree(supplied),
                key=EntityKey(read, owner, key),
                is_entity=True,
            )
        self.loaders.append(loader)
        return loader

    def entity_loader(self, connect: Connect, owner: GraphQLObjectType) -> ConnectorLoader:
        """The loader that `entity: true` on a field of Query makes for the type it returns."""
        call, supplied = self._calls.make_call(connect, owner, None)
        key = self._read_by_request(call, "args", owner)
        if call.caching is not None:
            call.caching.ask_by_key(owner.name, "args", key.members)
        read = key.joined(without(self._read_by_mappings(call, "args", owner), supplied.members))
        loader = KeyedLoader(
            call,
            f"{connect.coordinate}(entity)",
            as_tree(read),
            _as_tree(supplied),
            key=EntityKey(read, owner, key),
            is_entity=True,
            variable="args",
        )
        self.loaders.append(loader)
        return loader

    def _batch_loader(
        self,
        call: ConnectorCall,
        coordinate: str,
        reads: FieldTree,
        supplies: FieldTree | None,
        key: EntityKey,
        row_key: EntityKey | None,
        max_size: int | None,
    ) -> BatchLoader:
        loader = BatchLoader(
            call,
            coordinate,
            reads,
            supplies,
            key=key,
            row_key=row_key,
            max_size=max_size,
            max_url_bytes=self._max_url_bytes,
        )
        path, caching = call.decodings.path, call.caching
        if (
            row_key is None
            and path is not None
            and caching is not None
            and may_be_in_rows(call, key)
        ):
            loader.cached_rows = BatchRows(
                key, path, caching.fingerprint, max_size, self._max_url_bytes
            )
        return loader

    def _read_by_request(
        self, call: ConnectorCall, variable: str, owner: GraphQLObjectType
    ) -> Members:
        """The members of an object that the request reads."""
        return spelled_out(call.builder.reads.get(variable, NOTHING), owner, self._resolved)

    def _read_by_mappings(
        self, call: ConnectorCall, variable: str, owner: GraphQLObjectType
    ) -> Members:
        """The members of an object that the mappings of the answer read."""
        return spelled_out(joined_reads(call.responding, variable), owner, self._resolved)


def _row_key(name: str, batch: Members, owner: GraphQLObjectType) -> EntityKey:
    """What rows are grouped by: the member that has the value of the parents' own, of the same form."""
    (inner,) = batch.members.values() if len(batch.members) == 1 else (Members(),)
    of_parents = EntityKey(batch, owner)
    key = EntityKey(Members({name: inner}), None)
    key.is_text = of_parents.is_text
    for each in of_parents.integers.members.values():
        key.integers = Members({name: each})
    return key


def _as_tree(supplied: Members) -> FieldTree | None:
    """What a loader promises; None where its mapping passes on the backend's value as it is."""
    return None if supplied.whole and not supplied.members else as_tree(supplied)
