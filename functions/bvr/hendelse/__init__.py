"""Notification first: a municipality tells that a case has changed and nothing of it; the register fetches it."""
