"""Shows and clone jobs on many machines, or on this one: one file says what runs, a supervisor keeps it running."""
