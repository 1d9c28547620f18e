"""Training under noise: methods, kinds of noise, and how noise gets into an unchanged network."""
