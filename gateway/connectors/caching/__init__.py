"""What the schema says of stored answers: `@cacheControl` and `@cacheTag`, for each connector."""
