"""Plan to generated callables to response: everything that runs per request, and the emitter."""
