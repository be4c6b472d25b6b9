"""What is published of the key figures: declarations, protection, releases and the attack on them."""
