"""Real parts that tests of several rooms run against."""
