"""What a gateway is made of, as its files were at one moment: the configuration and the schema, as texts.

Workers that build from the same `Inputs` serve the same, whatever happens to the files meanwhile. It reads files, and
builds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import orjson

from gateway.app.config import Config, origin_in, parse_config, read_config_text
from gateway.app.idle import find_idle
from gateway.app.plugins import modules_of
from gateway.app.reload.own_code import OwnCode, own_modules
from gateway.errors import ConfigError, Diagnostic
from gateway.graph.sdl import find_schema_files
from gateway.settings.file_state import FileState, state_of
from gateway.settings.files import rooted
from gateway.settings.text_file import read_text_file
from gateway.settings.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a configuration and its schema come from.

    Attributes:
        config: The configuration file; None for the defaults.
        schema: Schema files and folders in place of the configuration's.
        folder: Where relative paths start from; the configuration file's own by default.
    """

    config: Path | None
    schema: tuple[Path, ...] = ()
    folder: Path | None = None

    @property
    def base(self) -> Path:
        """The folder that relative paths start from."""
        if self.folder is not None:
            return self.folder
        return self.config.parent if self.config is not None else Path()

    def parse(self, text: str, env: Mapping[str, str]) -> Config:
        """The configuration of a text. Errors: ConfigError."""
        config = rooted(parse_config(text, self._name, env), self.base)
        if not self.schema:
            return config
        paths = tuple(str(path.resolve()) for path in self.schema)
        return replace(config, graph=replace(config.graph, schema=paths))

    def idle(self, text: str, env: Mapping[str, str]) -> list[Diagnostic]:
        """A warning for each setting of a text that changes nothing. Errors: ConfigError."""
        return find_idle(self.parse(text, env), origin_in(text, self._name, env), env)

    @property
    def _name(self) -> str:
        """What errors call the configuration file."""
        return str(self.config) if self.config is not None else "<defaults>"

    def read(self, env: Mapping[str, str]) -> Inputs:
        """The files as they are now. Errors: ConfigError."""
        text = read_config_text(self.config) if self.config is not None else ""
        config = self.parse(text, env)
        files = find_schema_files(config.graph.schema, self.base)
        schema = {str(file): read_text_file(file, "schema file") for file in files}
        return Inputs(text, schema, *self.code(config).digests)

    def code(self, config: Config) -> OwnCode:
        """The Python of a configuration as it is now."""
        return OwnCode.now(_named(config), self.base)

    def state(self, env: Mapping[str, str]) -> list[FileState]:
        """What changes with any of the files; one that cannot be looked at is left out."""
        files = [self.config] if self.config is not None else []
        try:
            text = read_config_text(self.config) if self.config is not None else ""
            config = self.parse(text, env)
            files += own_modules(_named(config), self.base).values()
            files += find_schema_files(config.graph.schema, self.base)
        except ConfigError:
            pass  # a reload says what is wrong with it
        found: list[FileState] = []
        for file in files:
            with suppress(OSError):
                found.append(state_of(file))
        return found


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files of one moment.

    Attributes:
        config: The configuration's text, as it stands in its file: `${NAME}` is not expanded.
        schema: The text of each schema file, by its path.
        python: The digest of the modules that are the user's own.
        packages: The digest of what is installed.
    """

    config: str
    schema: dict[str, str]
    python: str
    packages: str

    @property
    def digest(self) -> str:
        """Equal for equal files."""
        return sha256(self.to_bytes()).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """As another worker reads it."""
        return orjson.dumps(self, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_bytes(cls, text: bytes) -> Inputs:
        """As another worker wrote it."""
        return cls(**orjson.loads(text))

    def run_by(self, code: tuple[str, str]) -> Inputs:
        """The same with the Python of the process that serves it: the digests of its modules and packages."""
        python, packages = code
        return replace(self, python=python, packages=packages)

    def keep(self, path: Path) -> None:
        """Write it where other workers find it: whole, or not at all."""
        write_whole(path, self.to_bytes())


def digest_of_schema(files: Mapping[str, str]) -> str:
    """Equal for files of equal names and texts, wherever they are: whoever has laid them there can compute it."""
    named = sorted((Path(path).name, text) for path, text in files.items())
    return sha256(orjson.dumps(named)).hexdigest()[:16]


def _named(config: Config) -> list[str]:
    """The modules that a configuration names."""
    resolvers = config.graph.resolvers
    return [*modules_of(config.plugins), *([resolvers] if resolvers is not None else [])]
