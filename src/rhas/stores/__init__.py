"""The files between the stages and how they are read and written."""
