"""When a storm has failed."""

PATIENCE = 60.0  # seconds until something that must happen counts as a hang


class Failure(Exception):
    """Something that must hold does not."""
