"""Definitions in files: the one in Erlang terms, and folders of JSON and YAML; each fault told with its place."""
