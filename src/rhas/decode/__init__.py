"""Films to frames at a constant rate."""
