"""What the recipes of the built-in checkpoints share."""
