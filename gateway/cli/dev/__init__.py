"""`gateway dev`: what is saved is served. A parent watches; a child for each version serves."""
