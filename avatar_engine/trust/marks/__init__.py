"""Marks that can't be seen or heard: which avatar's consent a picture and a sound belong to, found again in copies.

`avatar_engine.trust.marks.carrier` has the mathematics that both share, `code` what is written, `picture` and `sound`
where it is hidden and how it is found.
"""
