"""`tem-rf rf`: what a network sees."""
