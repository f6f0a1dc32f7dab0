"""Foreign films, annotations and features turned into data the stages go on from."""
