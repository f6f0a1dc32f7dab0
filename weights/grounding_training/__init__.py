"""Parts of the recipe of the built-in grounding checkpoint (`weights/train_grounding.py`)."""
