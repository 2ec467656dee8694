"""`python -m tem_rf` is the command `tem-rf`."""

from tem_rf.cli import main

main()
