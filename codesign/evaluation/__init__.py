"""Monte-Carlo evaluation over device profiles and programmings, and what the numbers say."""
