"""Findings that a command prints: looked at here, put into words here, printed elsewhere."""
