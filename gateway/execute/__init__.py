"""One operation, prepared once and run for each request: compiled where it can be, on graphql-core where not."""
