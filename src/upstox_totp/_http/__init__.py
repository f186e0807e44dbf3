"""HTTP without meaning: a bounded session, decoded answers, told failures."""
