"""``python -m fastgd bench``: fastgd beside what else is installed, on this machine."""
