"""The networks, each the published architecture; `build` makes one by its name."""
