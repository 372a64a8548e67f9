"""The demo's stand-ins for a company's services: a REST catalogue, a PHP monolith, a search service."""
