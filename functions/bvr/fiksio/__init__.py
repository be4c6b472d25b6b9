"""Fiks IO itself: a connector in front of the intake, and the way back for answers (reference section 1)."""
