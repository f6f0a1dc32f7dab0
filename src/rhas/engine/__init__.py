"""How stages run: jobs, worker pool, work cache, progress."""
