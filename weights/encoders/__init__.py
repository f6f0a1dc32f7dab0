"""Parts of the recipe ``weights/train_encoders.py``."""
