"""Set-up of a machine, with the standard library only: it runs before anything is installed."""
