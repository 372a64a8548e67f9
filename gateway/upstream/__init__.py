"""HTTP to the backends: the port, its transports, and the policies around them."""
