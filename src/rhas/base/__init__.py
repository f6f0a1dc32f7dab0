"""What everything rests on: errors, units, classes, parameters."""
