"""Files that hold files: unpacked member by member, within bounds."""
