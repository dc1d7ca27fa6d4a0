"""Measures what this machine carries: real rooms one by one, then real shows at once, until something is lost."""
