"""Bedside's language-model engine against llama.cpp, onnxruntime-genai and OpenVINO GenAI: see README.md."""
