"""A GraphQL gateway that compiles each operation. This module is the façade for users of the engine."""
