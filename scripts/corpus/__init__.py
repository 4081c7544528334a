"""Generated data for evaluation: made at test time from fixed seeds, never committed."""
