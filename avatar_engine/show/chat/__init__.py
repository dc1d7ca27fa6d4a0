"""What viewers write: sources that bring it, and the inbox that finds out what is worth an answer."""
