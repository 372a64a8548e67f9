"""The port to the network over HTTP/2, on the h2 package."""
