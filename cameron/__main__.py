"""`python -m cameron` is `cameron`."""

from cameron.cli import main

if __name__ == "__main__":
    main()
