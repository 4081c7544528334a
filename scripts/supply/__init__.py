"""What Bedside is made of, and whether it is what it should be: `make supply-chain`."""
