"""Content codings: bodies decoded with a bound on the work, answers encoded as a client prefers."""
