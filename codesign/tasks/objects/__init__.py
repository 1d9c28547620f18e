"""Objects in small colour images."""
