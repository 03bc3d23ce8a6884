"""What programs meet: tokens, accounts, install links, problem JSON."""
