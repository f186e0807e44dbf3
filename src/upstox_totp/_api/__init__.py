"""The requests that a login consists of."""
