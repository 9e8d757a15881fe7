"""What is on the screen, as frozen records: no arrays that may change, no session, nothing that draws."""
