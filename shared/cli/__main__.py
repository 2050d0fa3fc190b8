"""``python -m shared.cli``: the ``doorward`` command where no console script is installed."""

from shared.cli.main import main

if __name__ == "__main__":
    main()
