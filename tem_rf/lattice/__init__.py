"""The crystal lattice of each particle, from its fringes: spacings, planes, zone axis, orientation, defects."""
