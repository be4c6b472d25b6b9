"""Year-on-year tests of the key figures (statistics 3.3): what differs so much that somebody should look at it."""
