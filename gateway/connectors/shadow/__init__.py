"""`@shadow`: the other source of a field that moves is asked too, after the answer, and what it gives is compared."""
