"""The studio console: from a presenter's minute to a live host, in a browser, on top of the rooms below."""
