"""Low-rank adapters between training and export: the base model as training reads it, and the two merged for serving."""
