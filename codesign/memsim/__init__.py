"""A network on real devices: profiles programmed into weights."""
