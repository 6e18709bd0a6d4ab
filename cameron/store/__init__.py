"""Redis: the names of the keys, the scripts, the connections, and the embedded server."""
