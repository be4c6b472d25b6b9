"""The fault campaign: the local cloud under load while everything around it fails, and a check that nothing was lost.

`python -m tests.chaos` (`make chaos`) runs it; docs/feilkampanje.md tells what it does and how to read its report.
"""
