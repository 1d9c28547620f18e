"""Aspect sentiment triplets: which aspect of a restaurant or a laptop is told to be what, and is that praise?"""
