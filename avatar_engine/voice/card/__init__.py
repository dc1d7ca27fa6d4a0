"""Voices of many shows on one device: one process owns it, shows ask it for windows of sound over a local socket.

The text's share (durations, pitch) stays with the show, which judges a plan before there is sound; the body and the
generator, nineteen twentieths of the work, go to the device: a card, or a processor with tiles for bf16, which makes
twice the sound in them that the int8 network makes. A show to which it does not answer speaks by itself.
"""
