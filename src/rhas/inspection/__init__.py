"""Looking into what the stages wrote: shapes, sizes, coverage, statistics, pictures, checks."""
