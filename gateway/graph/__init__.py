"""SDL and resolvers to one checked, executable schema."""
