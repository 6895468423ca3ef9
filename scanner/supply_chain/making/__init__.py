"""Making bills of materials: `survey` looks at a target, `documents.make` turns what it found into a `Bom`."""
