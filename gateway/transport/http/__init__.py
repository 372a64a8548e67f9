"""HTTP: one handler without I/O, and its adapters."""
