"""The synthetic presenter: a face that is drawn, moved by phones, and belongs to nobody."""
