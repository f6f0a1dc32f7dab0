"""How good a segmentation is: clean figures first, and the published evaluator for comparison."""
