"""Client-side monitoring: what the SDKs on a host say they call, logged by CloudTrail or not.

``datagrams`` reads what they send, ``scrub`` keeps secrets out of it, ``rows`` makes rows for a store of it,
``keys`` tells an account from an access key. ``sockets`` listens, ``archive`` keeps lines in files, ``recording`` joins
the two; ``pairing`` puts calls and their attempts together, ``checking`` says why a process would send nothing.

Decided here: the room sees ``derive``, for an error code and a refusal's message mean the same wherever they stand.
"""
