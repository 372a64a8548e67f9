"""What goes back to a client: answers and their bytes, errors masked, the payloads of `@defer` and `@stream`."""
