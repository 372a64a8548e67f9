"""A new project: what `gateway init` writes, and the schema that it makes of a backend's answer."""
