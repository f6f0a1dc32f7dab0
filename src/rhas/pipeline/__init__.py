"""What knows several steps: their chain, and features of films without DVC."""
