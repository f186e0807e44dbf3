"""Tokens and attempts: how long a token is valid, what is stored, and where."""
