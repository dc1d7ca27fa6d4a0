"""The host: finds words for what no script says, answers to the chat and gaps of a segment."""
