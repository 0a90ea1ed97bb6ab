"""pam-edge: image-adaptive matting networks on phones, within a budget, checked against PyTorch."""

__version__ = "0.1.0"
