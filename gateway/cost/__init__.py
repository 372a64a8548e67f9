"""What operations cost: weights in the schema, formulas before an execution, and the sum after it."""
