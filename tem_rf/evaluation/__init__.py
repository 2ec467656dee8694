"""How good a segmentation is: dice, boundary scores, the Fourier filtering baseline, tables."""
