"""How the shipped networks are trained: run these modules to make them again."""
