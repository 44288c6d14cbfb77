"""What the ACL commands share: shapes and layouts of what is shown, prefixes of IDs, and what a token is given."""
