"""Mail: which server takes it, what it says, and how it is delivered."""
