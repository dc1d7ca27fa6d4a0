"""Voices that others' servers make, in place of the clone's own network."""
