"""Methods without a network: Fourier filtering, Bragg peaks, a threshold."""
