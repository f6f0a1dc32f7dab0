"""What several methods are made of: input of one stream, its segmenter, attention, losses."""
