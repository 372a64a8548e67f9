"""Topics: what one part of the service publishes reaches every subscription that listens, in every worker."""
