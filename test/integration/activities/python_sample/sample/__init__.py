"""A package of activities that behave in every way that activities do."""
