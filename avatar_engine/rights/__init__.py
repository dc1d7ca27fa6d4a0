"""What a presenter may ask for: a copy of all that was said in their name, and to be forgotten."""
