"""What is claimed about the speed of the package, and how to measure it again."""
