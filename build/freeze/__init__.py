"""What a frozen build is made of, beside what PyInstaller makes."""
