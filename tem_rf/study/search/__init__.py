"""Search for the network to train next."""
