"""What browsers do with cookies: the rules that `cookies inspect` and `doctor` share."""
