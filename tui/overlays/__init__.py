"""What lies over a screen for a while: help, menus, questions."""
