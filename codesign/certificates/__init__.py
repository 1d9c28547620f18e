"""What can be promised of a trained network: bounds, smoothing, certification, summary."""
