"""Python tools of Bedside: set-up, export, golden files and their tests."""
