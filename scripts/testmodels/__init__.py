"""Small ONNX models for the tests, laid out as a Triton-style model repository."""
