"""Tables that are made from predictions, and the formats that they are written in."""
