"""A bound plan to Python source, and the source to functions.

It runs nothing: what the functions call is `runtime`.
"""
