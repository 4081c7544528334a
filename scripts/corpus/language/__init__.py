"""The corpus of the device language models: stays, prepared, turned into prompts and answers."""
