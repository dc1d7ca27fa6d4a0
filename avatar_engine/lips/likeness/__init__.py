"""How like the person are rendered pictures: motion, closures, pixels, flicker, seam, against the real pictures."""
