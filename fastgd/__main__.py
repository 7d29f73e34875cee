"""``python -m fastgd COMMAND``."""

from fastgd.bench.command import main

if __name__ == "__main__":
    main()
