"""The embedded reader: a small CTC network."""
