"""All plots of the program, with one palette, one scale bar and one legend."""
