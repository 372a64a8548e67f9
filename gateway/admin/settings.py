"""What may be set for the admin port. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.settings.kinds import Bytes, Host, Port

LEAST_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """`[admin]`: commands over HTTP for those who run the gateway, on a port of their own.

    `gateway serve` opens the port when there is a key; a gateway that is mounted in another application opens none.
    One worker opens it; a command that it gets holds for all workers.

    Attributes:
        keys: Keys that authenticate a command, by the name that the audit log writes for each. A command sends
            `Authorization: Bearer KEY`, or the key alone. At least 32 characters; `${NAME}` reads one from the
            environment. To replace a key, have both for a while. An empty one is ignored; without any key the port
            is not opened.
        host: Address to bind. Not a public one.
        port: TCP port. If it is in use, the gateway serves without it, logs that, and tries again.
        max_body_bytes: Largest body of one command.
    """

    keys: dict[str, str] = field(default_factory=dict, repr=False)
    host: Host = "127.0.0.1"
    port: Port = 9465
    max_body_bytes: Bytes = 1_000_000

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        for name, key in self.keys.items():
            if key and (len(key) < LEAST_KEY_LENGTH or not key.isascii() or not key.isprintable()):
                raise ValueError(
                    f"the key {name!r} has fewer than {LEAST_KEY_LENGTH} characters of ASCII"
                )

    @property
    def given(self) -> dict[str, str]:
        """The keys that are any."""
        return {name: key for name, key in self.keys.items() if key}
