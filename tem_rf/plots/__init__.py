"""Every plot that the program draws, with one palette, one scale bar and one legend."""
