"""Topics: what one part of the gateway publishes reaches every subscription that listens, in every worker."""
