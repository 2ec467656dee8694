"""Label formats: each module turns one family of files into a mask, True on particles."""
