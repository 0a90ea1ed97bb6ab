"""Core ML: ML programs in .mlpackage folders."""
