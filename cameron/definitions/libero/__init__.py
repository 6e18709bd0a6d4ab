"""Libero Flow's workflows: `dialect` is what the engine knows of them."""
