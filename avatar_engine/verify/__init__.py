"""What a file says of its making: signed manifest, marks in the stream, words in its tags, marks that are hidden.

`look` gathers it, `hidden` finds the hidden marks, `known` names the consents, `words` says it.
"""
