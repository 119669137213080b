"""What a person runs to look at the program itself."""
