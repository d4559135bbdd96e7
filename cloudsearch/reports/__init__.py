"""Answers from groups of events: what was used, what that proves, and since when it could have been seen.

Every claim here is bounded by ``coverage``: what the loaded logs could have shown. Where they could not have
shown a use, the answer is unknown, with the reason.
"""
