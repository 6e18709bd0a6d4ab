"""Why a job is where it is, for people and for programs: see `explanation`."""
