"""Mails, mailboxes and saved pages, with what is attached as members."""
