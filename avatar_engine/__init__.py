"""Real-time avatar rendering and voice cloning from one minute of video."""

__version__ = "0.1.0"
