"""Who the client is: principals from tokens and keys, and what the schema's directives decide for them."""
