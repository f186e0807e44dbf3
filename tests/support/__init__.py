"""What tests share: helpers, doubles of the outside world, and programs that tests start."""
