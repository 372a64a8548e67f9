"""From what a request names to the text that is executed: trusted documents, then registered ones, then its own.

Nothing is parsed here, nor before: a document that may not be executed cannot cost anything.
Source: Apollo's automatic persisted queries; GHSA-qr3m-xw4c-jqw3 for the order.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from gateway.documents.apq import DocumentStore
from gateway.documents.ids import hash_of, is_hash, plain_id
from gateway.documents.settings import PersistedDocumentSettings
from gateway.documents.trusted import TrustedDocuments
from gateway.errors import ClientError

logger = logging.getLogger("gateway.documents")


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text that a request means.

    Attributes:
        text: To be executed.
        new_hash: The hash that it is to be kept under, once it has proved valid.
    """

    text: str
    new_hash: str | None = None


class Documents:
    """The documents that clients may name.

    Args:
        store: Registered documents; None: none may be registered.
        trusted: The manifest; None: there is none.
        settings: What else may be executed.
    """

    def __init__(
        self,
        store: DocumentStore | None,
        trusted: TrustedDocuments | None = None,
        settings: PersistedDocumentSettings | None = None,
    ) -> None:
        self.store = store
        self.trusted = trusted
        self._settings = settings or PersistedDocumentSettings()

    def needs_lookup(self, document_id: str | None, extensions: dict[str, Any] | None) -> bool:
        """Whether a request's text is not simply what it sent."""
        return (
            document_id is not None
            or self.trusted is not None
            or (extensions is not None and "persistedQuery" in extensions)
        )

    async def resolve(
        self, query: str | None, document_id: str | None, extensions: dict[str, Any] | None
    ) -> DocumentText:
        """The text of a request.

        Errors: ClientError(BAD_REQUEST) and the PERSISTED_QUERY_… codes.
        """
        hash_ = persisted_hash(extensions)
        id_ = hash_ if document_id is None else plain_id(document_id)
        if id_ is not None and hash_ is not None and id_ != hash_:
            raise ClientError(
                "`documentId` and `persistedQuery` name two documents.", code="BAD_REQUEST"
            )
        if self.trusted is not None:
            known = await self._trusted(self.trusted, query, id_)
            if known is not None:
                return known
        if id_ is not None and is_hash(id_):
            return await self._registered(query, id_)
        if id_ is not None:
            raise not_found()
        if not query:
            raise ClientError("`query` is missing.", code="BAD_REQUEST")
        return DocumentText(query)

    async def keep(self, text: DocumentText) -> None:
        """Keep a document that has proved valid, if it was sent to be kept."""
        if self.store is not None and text.new_hash is not None:
            await self.store.put(text.new_hash, text.text)

    async def aclose(self) -> None:
        """Close the store."""
        if self.store is not None:
            await self.store.aclose()

    async def _trusted(
        self, trusted: TrustedDocuments, query: str | None, id_: str | None
    ) -> DocumentText | None:
        await trusted.refresh()
        known = trusted.texts.get(id_) if id_ is not None else None
        if known is not None:
            if query and query != known:
                raise mismatch()
            return DocumentText(known)
        if self._settings.require_id:
            if id_ is not None:
                raise not_found()
            raise ClientError(
                "Only documents in the manifest are executed: send `documentId`.",
                code="PERSISTED_QUERY_ID_REQUIRED",
            )
        if self._settings.log_unknown and query:
            hash_ = hash_of(query)
            if hash_ not in trusted.texts:
                logger.warning("a document that is not in the manifest: sha256:%s", hash_)
        return None

    async def _registered(self, query: str | None, hash_: str) -> DocumentText:
        if self.store is None:
            if self.trusted is not None:
                raise not_found()
            raise ClientError("PersistedQueryNotSupported", code="PERSISTED_QUERY_NOT_SUPPORTED")
        if query:
            if hash_of(query) != hash_:
                raise mismatch()
            return DocumentText(query, new_hash=hash_)
        text = await self.store.get(hash_)
        if text is None:
            raise not_found()
        return DocumentText(text)


def persisted_hash(extensions: dict[str, Any] | None) -> str | None:
    """The hash in Apollo's extension; None without one. Errors: ClientError(BAD_REQUEST)."""
    sent = extensions.get("persistedQuery") if extensions else None
    if sent is None:
        return None
    hash_ = sent.get("sha256Hash") if isinstance(sent, dict) else None
    if not isinstance(hash_, str) or sent.get("version") != 1:
        raise ClientError(
            "`persistedQuery` must be an object with `version` 1 and a `sha256Hash`.",
            code="BAD_REQUEST",
        )
    return plain_id(hash_)


def not_found() -> ClientError:
    """Clients know these very words, and send the text."""
    return ClientError("PersistedQueryNotFound", code="PERSISTED_QUERY_NOT_FOUND")


def mismatch() -> ClientError:
    """A text under another's id."""
    return ClientError(
        "The document's text does not match its id.", code="PERSISTED_QUERY_HASH_MISMATCH"
    )
