"""Synthetic municipalities: case histories that grow day by day, with the faults that real senders have.

    for submission in simulate(kommuner=20, saker=500, dager=30, seed=7):
        publish(submission.body, submission.attributes)

No person is real; see README.md of this folder.
"""

from bvr.simulate.arrivals import START, Mix, simulate
from bvr.simulate.submission import Note, Submission, write

__all__ = ["START", "Mix", "Note", "Submission", "simulate", "write"]
