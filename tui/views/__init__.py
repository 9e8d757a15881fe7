"""From a reading of the session to what is on the screen: pure functions, one file a panel."""
