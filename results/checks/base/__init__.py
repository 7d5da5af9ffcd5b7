"""What all checks share: what a check is, what it reads, and how findings become a table and text."""
