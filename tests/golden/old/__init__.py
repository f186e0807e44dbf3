"""Yesterday's masking (`redact`) and rules of attempts (`ledger`), to compare the new ones with.

Frozen: nothing here is mended. The rules go by `clock.now`, and write to `turn.Turn`.
"""
