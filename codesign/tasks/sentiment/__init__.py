"""Aspect sentiment triplets: what is said of which aspect of a restaurant or laptop, and is it praise?"""
