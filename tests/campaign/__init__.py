"""What strangers hand to the command line, changed in thousands of ways."""
