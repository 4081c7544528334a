"""Training of the device language models: Elman RNN, LSTM, GRU and self-attention, with Keras 3 on JAX."""
