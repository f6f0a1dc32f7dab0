"""`rhas review`: the page of `rhas segment` on a local server that saves corrections."""
