"""What the machine shows of cases."""
