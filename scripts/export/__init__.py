"""Export of GGUF language models to ONNX model folders (see README.md here)."""
