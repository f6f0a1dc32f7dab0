"""Everything looked at before hours are spent: parameters, films, tables, weights, disk, time."""
