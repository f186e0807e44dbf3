"""Tokens and attempts: how long a token lives, what is kept, and where."""
