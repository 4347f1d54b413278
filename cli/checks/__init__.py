"""What `authingo doctor` looks at, a module a subject. None prints, and none changes anything."""
