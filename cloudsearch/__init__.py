"""Search and report on AWS CloudTrail, and never claim what the log could not have shown."""

__version__ = "0.1.0"
