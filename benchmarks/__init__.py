"""What a user waits for, beside the same done by hand, and how to measure it again."""
