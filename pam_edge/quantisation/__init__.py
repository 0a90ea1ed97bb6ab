"""Networks in eight bits: a supernet whose weights and features are stored as integers, computed in PyTorch.

    supernet + ranges  ->  a supernet that rounds as the artifact will  ->  graphs, converters, parity as for any other

What a converter reads off the exported graph are the same integers and scales; so a file can be held to this network.
"""
