"""What `authingo init` writes; each folder mirrors what it generates."""
