"""Another configuration and schema without a restart: read, build beside, swap in every worker or in none, drain."""
