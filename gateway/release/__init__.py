"""Releases of the gateway: plan, refuse what destroys, apply region by region, roll back. Never imported by serving."""
