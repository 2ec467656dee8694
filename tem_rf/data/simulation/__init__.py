"""The physics behind simulated micrographs: specimen, scattering, optics, detector. Lengths are in nm."""
