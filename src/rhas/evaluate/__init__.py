"""A method's scores to metrics, tables and pictures."""
