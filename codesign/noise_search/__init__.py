"""The search for a method's training noise: space, rounds, trials, records."""
