"""Results beside the paper's: runs, the layout of its Tables 2 to 6, statistics of a data set."""
