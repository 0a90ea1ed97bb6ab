"""Converters: from a path of a supernet to a file of one target. Each target's packages load only inside it."""
