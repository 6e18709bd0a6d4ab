"""Activities of the acceptance tests; `broken.py` cannot be imported."""
