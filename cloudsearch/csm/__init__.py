"""Client-side monitoring: what the SDKs on a host say they call, logged by CloudTrail or not.

``datagrams`` reads what they send, ``scrub`` keeps secrets out of it, ``rows`` makes rows for a store of it,
``keys`` tells an account from an access key, ``reading`` takes lines from files. ``sockets`` listens, ``archive`` keeps
lines in files, ``background`` writes them, ``uploading`` brings the files to a bucket, ``recording`` joins these.
``pairing`` puts calls and their attempts together, ``summary`` says what they took; ``checking`` why a process would
send nothing, by what ``processes`` shows of it.

Decided here: the room sees ``derive``, for an error code and a refusal's message mean the same wherever they stand.
"""
