"""Files from strangers: each attack is refused in one line, or does nothing."""
