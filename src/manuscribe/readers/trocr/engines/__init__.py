"""What computes the network: PyTorch itself, or OpenVINO and ONNX Runtime, for which it is written as graphs."""
