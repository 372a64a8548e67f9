"""The client of a request: what it says of itself, and what of it an answer may depend on."""
