"""Characters, languages and normal forms of text."""
