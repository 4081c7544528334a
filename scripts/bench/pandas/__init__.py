"""The cleaning of clinical/prepare, written with pandas, and the comparison of both."""
