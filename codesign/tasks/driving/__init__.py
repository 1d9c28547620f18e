"""Cars, pedestrians and cyclists in the points of a lidar."""
