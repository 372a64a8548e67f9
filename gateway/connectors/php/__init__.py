"""The PHP dialect: what legacy PHP sends and wants to be sent. docs/php.md says it in order, with examples."""
