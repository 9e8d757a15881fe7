"""What must hold in a scenario beyond the types of its keys; looked at in files that are half valid, too."""
