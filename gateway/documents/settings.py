"""What may be set for documents by id. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.settings.kinds import Bytes, Count, FolderBeside, PathBeside


@dataclass(frozen=True, slots=True, kw_only=True)
class ApqSettings:
    """`[apq]`: automatic persisted queries. A client sends a hash, and the text once when it is not known.

    Attributes:
        enabled: Keep documents that clients register. They have to be valid.
        max_entries: Documents that each worker keeps; the least recently used goes first.
        max_size_bytes: Total characters of the documents.
    """

    enabled: bool = True
    max_entries: Count = 10_000
    max_size_bytes: Bytes = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistedDocumentSettings:
    """`[persisted_documents]`: trusted documents, from manifests that the clients' builds write.

    Attributes:
        manifest: A file in Apollo's manifest format, or a JSON object of texts by id as Relay's compiler
            writes it, or a folder of `.graphql` files; relative to the configuration file. It is read
            again when it changes; a broken one leaves the old one in use and an error in the log.
        apps: A folder of manifests, `APP/VERSION.json`, of the versions of applications; relative to the configuration
            file, and read again as the manifest is. Their documents have the ids `APP~VERSION~ID`, and no other:
            `gateway documents retire` takes a version away that nobody uses any more.
        require_id: Execute only documents of the manifests.
        log_unknown: Log a warning for each executed document that is not in the manifest.
        warm: Compile them before a worker is ready, as many as the plan cache holds.
    """

    manifest: PathBeside | None = None
    apps: FolderBeside | None = None
    require_id: bool = False
    log_unknown: bool = False
    warm: bool = True

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if self.require_id and self.manifest is None and self.apps is None:
            raise ValueError("`require_id` without a `manifest` would refuse every request")
