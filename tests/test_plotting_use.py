"""What the figures of the part "Use" show."""
