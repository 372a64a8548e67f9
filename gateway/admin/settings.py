"""What may be set for the admin port. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.settings.kinds import Bytes, Host, Port

LEAST_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """`[admin]`: commands over HTTP for those who run the gateway, on a port of their own.

    `gateway serve` opens the port when there is a key; a gateway that is mounted in another application opens none.
    One worker has it, and what it is told holds for all of them.

    Attributes:
        keys: What a command is authenticated by, each under the name that the audit log writes:
            `Authorization: Bearer KEY`, or the key alone. At least 32 characters; `${NAME}` reads one from the
            environment. Two at a time let one be replaced. "" is none; without any the port is not opened.
        host: Address to bind. Not a public one.
        port: TCP port. If it is in use, the gateway serves without it, logs that, and tries again.
        max_body_bytes: Of one command.
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
