"""The data set: rendered films, or your own checked."""
