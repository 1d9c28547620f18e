"""Monte-Carlo evaluation over device profiles and seeds, and what the numbers say."""
