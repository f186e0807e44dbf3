"""What a person is told: error codes, what each means and what to do, and what to install."""
