"""Statistical disclosure control: which cells of linked tables may be shown (statistics 4.4)."""
