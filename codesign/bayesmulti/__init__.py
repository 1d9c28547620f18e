"""Training under noise: multinomial and rival noise, put into unchanged models; search; certificates."""
