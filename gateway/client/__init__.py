"""Of whom a request is: what a client says of itself, and what of it an answer may depend on."""
