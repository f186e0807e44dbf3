"""Settings: their names and rules, where they come from, and what is valid."""
