"""The port to the network over HTTP/1.1, on asyncio and httptools."""
