"""The protocols that clients speak: HTTP and what is served beside it."""
