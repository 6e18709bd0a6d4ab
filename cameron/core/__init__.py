"""The pure core: what a job is and what is to happen next, as values. No clock, chance, thread or I/O lives here."""
