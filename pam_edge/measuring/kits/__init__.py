"""Programs that go into a kit and run where pam-edge is not installed: Python's standard library, and one tool each."""
