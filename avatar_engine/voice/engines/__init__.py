"""Voices of other engines, on servers and in this process, in place of the clone's own network."""
