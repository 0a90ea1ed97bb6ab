"""LiteRT: flatbuffers for XNNPACK and the GPU and NPU delegates."""
